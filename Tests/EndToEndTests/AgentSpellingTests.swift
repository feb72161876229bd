import PluginAPI
import Testing

/// What goes in under both spellings of each key, what comes out under one, and times.
@Suite("keys and times of agents")
struct AgentSpellingTests {
    /// A request whose body has every key that has two spellings, as `agent_id`; both spellings must be understood alike.
    private struct Pair {
        let method: String
        let path: String
        let body: JSONObject
        /// What the answer has of it.
        let shown: JSON
        var token: String?
    }

    private static let moment = "2099-02-05T23:40:00.000Z"

    @Test("both spellings of every key are taken")
    func input() async throws {
        try await withAgentDesk { desk in
            try await desk.add("/agents", ["id": "a", "baseUrl": .string(desk.taker.url)])
            try await desk.add("/manifests", ["role": "full", "version": "1"])
            let task = try await desk.taskToken(["agentId": "a", "taskId": "t"])
            let failing = [
                try await desk.taskToken(["agentId": "a", "taskId": "f0"]),
                try await desk.taskToken(["agentId": "a", "taskId": "f1"]),
            ]
            let agent = try await desk.token(of: "a")
            // A row may be for one spelling alone: `#` becomes 0 and 1.
            let pairs = [
                Pair(
                    method: "POST", path: "/api/admin/comfyui/agents",
                    body: ["id": "n#", "base_url": "http://10.0.0.8:1"], shown: ["baseUrl": "http://10.0.0.8:1"]),
                Pair(
                    method: "PUT", path: "/api/admin/comfyui/agents/n#", body: ["base_url": "http://10.0.0.9:1"],
                    shown: ["baseUrl": "http://10.0.0.9:1"]),
                Pair(
                    method: "POST", path: "/api/admin/comfyui/manifests",
                    body: ["role": "r", "version": "v#", "download_url": "http://h/#"],
                    shown: ["downloadUrl": "http://h/#"]),
                Pair(
                    method: "POST", path: "/api/admin/comfyui/tasks?push=false",
                    body: [
                        "agent_id": "a", "manifest_id": 1, "manifest_url": "http://h/m", "task_id": "n#",
                        "expires_at": .string(Self.moment),
                    ],
                    shown: [
                        "agentId": "a", "manifestId": 1, "manifestUrl": "http://h/m", "id": "n#",
                        "expiresAt": .string(Self.moment),
                    ]),
                Pair(
                    method: "POST", path: "/api/agent/auth/verify",
                    body: ["token": .string(task), "agent_id": "a", "task_id": "t"], shown: ["ok": true]),
                Pair(
                    method: "POST", path: "/api/agent/tasks/t/events",
                    body: [
                        "message": "m", "event_time": .string(Self.moment), "node_id": "7", "retry_count": 2,
                        "trace_id": "x",
                    ],
                    shown: [
                        "eventTime": .string(Self.moment), "payload": ["nodeId": "7", "retryCount": 2, "traceId": "x"],
                    ], token: task),
                Pair(
                    method: "POST", path: "/api/agent/tasks/f#/failed",
                    body: [
                        "error_code": "E", "failed_items": ["models": ["m"]], "task_id": "f#", "agent_id": "a",
                    ],
                    shown: [
                        "errorMessage": "E", "errorCode": "E",
                        "resultPayload": [
                            "errorCode": "E", "failedItems": ["models": ["m"]], "taskId": "f#", "agentId": "a",
                        ],
                    ]),
                Pair(
                    method: "POST", path: "/api/agent/agents/a/heartbeat",
                    body: ["disk_free_gb": 7, "agent_version": "1", "comfyui_version": "2"], shown: ["status": "ok"],
                    token: agent),
                Pair(
                    method: "POST", path: "/api/agent/agents/a/alerts", body: ["alert_type": "t#", "message": "m"],
                    shown: ["alertType": "t#"], token: agent),
            ]
            for (index, isCamel) in [false, true].enumerated() {
                let numbered = { (text: String) in text.replacing("#", with: "\(index)") }
                for pair in pairs {
                    let body = JSON.object(
                        JSONObject(pair.body.map { (isCamel ? Self.camel($0.key) : $0.key, $0.value) }))
                    let isAdmin = pair.path.hasPrefix("/api/admin")
                    let token = pair.path.contains("#/failed") ? failing[index] : pair.token
                    let answer = try await desk.send(
                        pair.method, numbered(pair.path), as: isAdmin ? try desk.daemon.adminToken : token,
                        numbered(body.text()))
                    let lacks = try Example.differences(answer, from: numbered(pair.shown.text()))
                    #expect(lacks == [], "\(pair.path) with \(body.text())")
                }
                let seen = try await desk.admin("GET", "/agents/a").json
                #expect(seen["metrics"] == ["disk_free_gb": 7] && seen["config"]?["agent_version"] == "1", "\(seen)")
            }
            let lists = [
                ("/tasks", "agent_id", "a", "z"), ("/alerts", "agent_id", "a", "z"),
                ("/alerts", "alert_type", "t0", "z"),
            ]
            for (path, key, known, unknown) in lists {
                for name in [key, Self.camel(key)] {
                    #expect(try await desk.admin("GET", "\(path)?\(name)=\(known)").json.arrayValue?.isEmpty == false)
                    #expect(try await desk.admin("GET", "\(path)?\(name)=\(unknown)").json == [], "\(path) \(name)")
                }
            }
            let short = try await desk.admin("POST", "/agents/a/token", #"{"ttl_seconds": 60}"#).json["expiresAt"]
            let other = try await desk.admin("POST", "/agents/a/token", #"{"ttlSeconds": 31536000}"#).json["expiresAt"]
            #expect((short?.stringValue ?? "9") < (other?.stringValue ?? ""))
        }
    }

    @Test("a verified name that is not the token's is noticed under both spellings")
    func mismatch() async throws {
        try await withAgentDesk { desk in
            try await desk.add("/agents", ["id": "a", "baseUrl": .string(desk.taker.url)])
            let token = try await desk.taskToken(["agentId": "a", "taskId": "t"])
            for key in ["agent_id", "agentId", "task_id", "taskId", "nonce"] {
                let body: JSON = ["token": .string(token), key: "other"]
                let answer = try await desk.agent("POST", "/auth/verify", as: nil, body.text())
                #expect(answer.status == 403 && answer.json["detail"] == "AGENT_TOKEN_PAYLOAD_MISMATCH", "\(key)")
            }
        }
    }

    @Test("a time may have Z, an offset, or neither")
    func times() async throws {
        let spellings = ["2099-02-05T23:40:00Z", "2099-02-06T07:40:00+08:00", "2099-02-05T23:40:00", Self.moment]
        try await withAgentDesk { desk in
            try await desk.add("/agents", ["id": "a", "baseUrl": .string(desk.taker.url)])
            for (index, text) in spellings.enumerated() {
                let id: JSON = .string("t\(index)")
                let token = try await desk.taskToken(["agentId": "a", "taskId": id, "expiresAt": .string(text)])
                let task = try await desk.admin("GET", "/tasks/t\(index)").json
                #expect(task["expiresAt"] == .string(Self.moment), "\(text)")
                #expect(task["requestPayload"]?["expires_at"] == .string(Self.moment))
                #expect(desk.pushed(id)?["expires_at"] == .string(Self.moment))
                let event: JSON = ["message": "m", "eventTime": .string(text)]
                let stored = try await desk.agent("POST", "/tasks/t\(index)/events", as: token, event.text())
                #expect(stored.json["eventTime"] == .string(Self.moment), "\(text)")
                let since = text.replacing("+", with: "%2B").replacing("2099", with: "2020")
                #expect(try await desk.admin("GET", "/alerts?since=\(since)").status == 200, "\(text)")
            }
            let bad = try await desk.admin("POST", "/tasks", #"{"agentId": "a", "expiresAt": "tomorrow"}"#)
            #expect(bad.status == 422 && bad.json["detail"]?[0]?["loc"] == ["body", "expiresAt"], "\(bad)")
        }
    }

    @Test("answers keep their mixed names, each under one spelling")
    func output() async throws {
        try await withAgentDesk { desk in
            let agent = try await desk.add("/agents", ["id": "a", "baseUrl": .string(desk.taker.url)])
            let manifest = try await desk.add("/manifests", ["role": "full", "version": "1"])
            let wish: JSON = ["agentId": "a", "taskId": "t", "manifestId": 1]
            let token = try await desk.taskToken(wish)
            let event = try await desk.agent("POST", "/tasks/t/events", as: token, #"{"message": "m"}"#).json
            let own = try await desk.add("/agents/a/token", [:])
            let beating = own["token"]?.stringValue
            let said = [
                (
                    "agent", agent,
                    "id name role host baseUrl status allowed config metrics last_seen_at last_heartbeat_at "
                        + "last_manifest_version created_at updated_at online"
                ),
                ("manifest", manifest, "id role version status downloadUrl content notes created_at updated_at"),
                (
                    "task", try await desk.admin("GET", "/tasks/t").json,
                    "id agentId manifestId manifestUrl actions expiresAt status tokenNonce pushedAt startedAt finishedAt "
                        + "requestPayload resultPayload errorMessage created_at updated_at submitStatus callbackStatus "
                        + "finalStatus errorCode"
                ),
                ("event", event, "id taskId level message payload step progress eventTime created_at"),
                ("token", own, "token expiresAt scope agentId"),
                (
                    "push", try await desk.admin("POST", "/tasks/t/push").json,
                    "taskId agentId status pushStatus tokenExpiresAt"
                ),
                (
                    "heartbeat", try await desk.agent("POST", "/agents/a/heartbeat", as: beating).json,
                    "status agentId receivedAt"
                ),
                (
                    "alert",
                    try await desk.agent(
                        "POST", "/agents/a/alerts", as: beating, #"{"type": "t", "message": "m"}"#
                    ).json,
                    "status id agentId alertType message payload created_at count last_at acknowledged_at "
                        + "acknowledged_by"
                ),
                (
                    "verify",
                    try await desk.agent(
                        "POST", "/auth/verify", as: nil, JSON.object(["token": .string(token)]).text()
                    ).json,
                    "ok agentId taskId expiresAt scope policy"
                ),
            ]
            for (name, answer, keys) in said {
                let expected = Set(keys.split(separator: " ").map(String.init))
                #expect(Set(answer.objectValue?.keys.map { $0 } ?? []) == expected, "\(name)")
            }
        }
    }

    private static func camel(_ key: String) -> String {
        let words = key.split(separator: "_")
        return words.dropFirst().reduce(String(words.first ?? "")) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
    }
}
