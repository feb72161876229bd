import PluginAPI
import Testing

/// Seed 001 from its first line to its last, and seed 000 §6–9: each request as it is published, each answer with all that is shown.
@Suite("agents as published")
struct AgentSeedTests {
    private static let id = "agt_20260205_0001"
    private static let content = """
        { "comfyui": { "commit": "<sha>" }, "models": [], "plugins": [], "workflows": [] }
        """

    /// The agent, the manifest and the task of the examples, with the task's token.
    private func withTask(
        agents: String = "", in directory: TemporaryDirectory? = nil,
        _ body: (AgentDesk, _ taskToken: String) async throws -> Void
    ) async throws {
        try await withAgentDesk(agents: agents, in: directory) { desk in
            try await desk.add("/agents", ["id": "comfyui-158", "baseUrl": .string(desk.taker.url)])
            // The example's manifest has the number 12.
            for number in 1...11 {
                try await desk.add("/manifests", ["role": "lite", "version": .string("\(number)")])
            }
            try await desk.add(
                "/manifests",
                ["role": "full", "version": "2026.02.05-001", "content": try JSON(parsing: Self.content)])
            let wish: JSON = [
                "agentId": "comfyui-158", "manifestId": 12, "actions": ["sync_models"], "taskId": .string(Self.id),
            ]
            try await body(desk, try await desk.taskToken(wish))
        }
    }

    // MARK: - The agent's side

    @Test("1) the protocol is the document as it is now, for everybody")
    func protocolDocument() async throws {
        let directory = try TemporaryDirectory()
        try await withTask(agents: "protocol_document: protocol.md", in: directory) { desk, _ in
            for text in ["# One\n", "# Another\n"] {
                try directory.write("protocol.md", text)
                let answer = try await desk.agent("GET", "/docs/agent-protocol", as: nil)
                #expect(answer.status == 200 && answer.text == text)
                #expect(answer["content-type"] == "text/markdown; charset=utf-8")
            }
        }
    }

    @Test("2) a token is verified")
    func verify() async throws {
        try await withTask { desk, token in
            let nonce = try #require(try await desk.admin("GET", "/tasks/\(Self.id)").json["tokenNonce"]?.stringValue)
            let answer = try await desk.agent(
                "POST", "/auth/verify", as: nil,
                """
                {
                  "token": "\(token)",
                  "agent_id": "comfyui-158",
                  "task_id": "agt_20260205_0001",
                  "nonce": "\(nonce)"
                }
                """)
            let lacks = try Example.differences(
                answer,
                from: """
                    {
                      "ok": true,
                      "agentId": "comfyui-158",
                      "taskId": "agt_20260205_0001",
                      "expiresAt": "2026-02-05T23:59:59Z",
                      "scope": "task",
                      "policy": { "allow": true }
                    }
                    """)
            #expect(lacks == [])
        }
    }

    @Test("3) the manifest of the task is read with the task's token")
    func manifest() async throws {
        try await withTask { desk, token in
            let answer = try await desk.agent("GET", "/manifests/12", as: token)
            let shown = """
                { "id": 12, "role": "full", "version": "2026.02.05-001", "content": \(Self.content) }
                """
            #expect(try Example.differences(answer, from: shown) == [])
        }
    }

    @Test("4) an event, which the administrator sees")
    func event() async throws {
        try await withTask { desk, token in
            let answer = try await desk.agent(
                "POST", "/tasks/agt_20260205_0001/events", as: token,
                """
                {
                  "level": "info",
                  "step": "models",
                  "message": "sync models started",
                  "progress": 42,
                  "payload": { "note": "optional extra payload" }
                }
                """)
            let shown = """
                {
                  "id": 1,
                  "taskId": "agt_20260205_0001",
                  "level": "info",
                  "message": "sync models started",
                  "payload": { "step": "models" },
                  "created_at": "2026-02-05T22:40:00Z"
                }
                """
            #expect(try Example.differences(answer, from: shown) == [])
            #expect(answer.json["payload"]?["note"] == "optional extra payload")
            #expect(answer.json["payload"]?["progress"] == 42)
            #expect(try await desk.admin("GET", "/tasks/\(Self.id)/events").json == [answer.json])
            let task = try await desk.admin("GET", "/tasks/\(Self.id)").json
            #expect(task["status"] == "running" && task["startedAt"]?.isNull == false)
        }
    }

    @Test("5) 6) receipts end the task", arguments: ["complete", "failed"])
    func receipt(_ outcome: String) async throws {
        let receipts = [
            "complete": #"{ "summary": "ok", "synced": ["models", "plugins"] }"#,
            "failed": """
            {
              "error_code": "DOWNLOAD_FAILED",
              "message": "Download xxx.safetensors failed",
              "failed_items": { "models": ["xxx.safetensors"], "plugins": [], "workflows": [] }
            }
            """,
        ]
        let shown = [
            "complete": #"{ "id": "agt_20260205_0001", "agentId": "comfyui-158", "status": "success" }"#,
            "failed": #"{ "id": "agt_20260205_0001", "agentId": "comfyui-158", "status": "failed" }"#,
        ]
        // What the administrator sees of it.
        let seen = [
            "complete": """
            { "resultPayload": { "summary": "ok", "synced": ["models", "plugins"] }, "errorMessage": null,
              "finishedAt": "2026-02-05T22:40:00Z", "finalStatus": "success" }
            """,
            "failed": """
            { "resultPayload": { "errorCode": "DOWNLOAD_FAILED", "message": "Download xxx.safetensors failed",
                "failedItems": { "models": ["xxx.safetensors"], "plugins": [], "workflows": [] } },
              "errorMessage": "DOWNLOAD_FAILED", "finishedAt": "2026-02-05T22:40:00Z", "finalStatus": "failed" }
            """,
        ]
        try await withTask { desk, token in
            let answer = try await desk.agent(
                "POST", "/tasks/agt_20260205_0001/\(outcome)", as: token, receipts[outcome])
            #expect(try Example.differences(answer, from: try #require(shown[outcome])) == [])
            let task = try await desk.admin("GET", "/tasks/\(Self.id)")
            #expect(try Example.differences(task, from: try #require(seen[outcome])) == [])
            let version = try await desk.admin("GET", "/agents/comfyui-158").json["last_manifest_version"]
            #expect(version == (outcome == "complete" ? "2026.02.05-001" : .null))
        }
    }

    @Test("7) a heartbeat, which the administrator sees")
    func heartbeat() async throws {
        try await withTask { desk, _ in
            let token = try await desk.token(of: "comfyui-158")
            let beat = """
                {
                  "status": "active",
                  "cpu": 35,
                  "mem": 62,
                  "disk_free_gb": 120,
                  "gpu": { "available": true, "util": 42 },
                  "metrics": { "cpu": 0.42, "memory": 0.78, "disk": 0.61, "gpu": 0.55 },
                  "agent_version": "1.2.0",
                  "comfyui_version": "<git_commit>"
                }
                """
            let answer = try await desk.agent("POST", "/agents/comfyui-158/heartbeat", as: token, beat)
            let shown = #"{ "status": "ok", "agentId": "comfyui-158", "receivedAt": "2026-02-05T22:40:00Z" }"#
            #expect(try Example.differences(answer, from: shown) == [])
            let seen = """
                { "id": "comfyui-158", "status": "active", "allowed": true, "online": true,
                  "metrics": { "cpu": 35, "mem": 62, "disk_free_gb": 120, "gpu": { "available": true, "util": 42 },
                    "memory": 0.78, "disk": 0.61 },
                  "config": { "agent_version": "1.2.0", "comfyui_version": "<git_commit>" },
                  "last_seen_at": "2026-02-05T22:40:00Z", "last_heartbeat_at": "2026-02-05T22:40:00Z" }
                """
            let agent = try await desk.admin("GET", "/agents/comfyui-158")
            #expect(try Example.differences(agent, from: seen) == [])
            #expect(agent.json["last_heartbeat_at"] == answer.json["receivedAt"])
        }
    }

    @Test("8) 9) an alert, and the list of alerts")
    func alerts() async throws {
        try await withTask { desk, _ in
            let token = try await desk.token(of: "comfyui-158")
            let alert = """
                {
                  "type": "disk_low",
                  "message": "disk usage 92%",
                  "payload": { "disk": 0.92 }
                }
                """
            let answer = try await desk.agent("POST", "/agents/comfyui-158/alerts", as: token, alert)
            #expect(try Example.differences(answer, from: #"{ "status": "ok" }"#) == [])
            let shown = """
                [
                  {
                    "id": 1,
                    "agentId": "comfyui-158",
                    "alertType": "disk_low",
                    "message": "disk usage 92%",
                    "created_at": "2026-02-05T22:40:00Z"
                  }
                ]
                """
            let with = ["", "?agent_id=comfyui-158", "?alert_type=disk_low", "?limit=1", "?limit=0", "?limit=1000"]
            for query in with + ["?agent_id=comfyui-158&alert_type=disk_low&limit=50"] {
                #expect(try Example.differences(try await desk.admin("GET", "/alerts\(query)"), from: shown) == [])
            }
            for query in ["?agent_id=other", "?alert_type=disk", "?agent_id=comfyui-158&alert_type=other"] {
                let none = try await desk.admin("GET", "/alerts\(query)")
                #expect(none.status == 200 && none.json == [], "\(query): \(none)")
            }
            #expect(try await desk.admin("GET", "/alerts").json[0]?["payload"] == ["disk": 0.92])
        }
    }

    // MARK: - The administrator's side

    @Test("6) agents are added, listed, changed and deleted, and get tokens")
    func agents() async throws {
        try await withAgentDesk { desk in
            let given = """
                { "id": "comfyui-158", "name": "node 158", "role": "full", "baseUrl": "http://10.0.0.8:18079",
                  "allowed": true, "config": { "rack": 4 } }
                """
            let added = try await desk.admin("POST", "/agents", given)
            #expect(try Example.differences(added, from: given) == [])
            #expect(added.json["status"] == "active" && added.json["host"] == .null)
            try await desk.add("/agents", ["id": "comfyui-159", "role": "lite"])
            let ids = { (query: String) in
                try await desk.admin("GET", "/agents\(query)").json.arrayValue?.map { $0["id"] }
            }
            #expect(try await ids("") == ["comfyui-159", "comfyui-158"])
            #expect(try await ids("?role=full&status=active&limit=5") == ["comfyui-158"])
            let changed = try await desk.admin("PUT", "/agents/comfyui-158", #"{"name": "node one"}"#)
            let expected = given.replacing("node 158", with: "node one")
            #expect(try Example.differences(changed, from: expected) == [])
            #expect(try await ids("?limit=1") == ["comfyui-158"], "the last changed one comes first")

            let token = try await desk.admin("POST", "/agents/comfyui-158/token")
            let shown = """
                { "token": "<jwt>", "expiresAt": "2026-02-05T23:59:59Z", "scope": "agent", "agentId": "comfyui-158" }
                """
            #expect(try Example.differences(token, from: shown) == [])
            let text = try #require(token.json["token"]?.stringValue)
            let beat = { try await desk.agent("POST", "/agents/comfyui-158/heartbeat", as: text, "{}") }
            #expect(try await beat().status == 200)
            _ = try await desk.admin("PUT", "/agents/comfyui-158", #"{"allowed": false}"#)
            #expect(try await beat().status == 403, "what the administrator says counts at once")

            let deleted = try await desk.admin("DELETE", "/agents/comfyui-158")
            #expect(try Example.differences(deleted, from: #"{ "status": "deleted" }"#) == [])
            #expect(try await ids("") == ["comfyui-159"])
        }
    }

    @Test("7) manifests are added, listed, read and changed")
    func manifests() async throws {
        try await withAgentDesk { desk in
            let given = """
                { "role": "full", "version": "2026.02.05-001", "content": \(Self.content),
                  "downloadUrl": "https://files.example/manifest.json" }
                """
            let added = try await desk.admin("POST", "/manifests", given)
            #expect(try Example.differences(added, from: given) == [])
            let rest = #"{"id": 1, "status": "active", "notes": null, "created_at": "2026-02-05T22:40:00Z"}"#
            #expect(try Example.differences(added, from: rest) == [])
            #expect(try await desk.admin("GET", "/manifests/1").json == added.json)
            try await desk.add("/manifests", ["role": "lite", "version": "1"])
            let changed = try await desk.admin("PUT", "/manifests/1", #"{"downloadUrl": null, "notes": "n"}"#)
            #expect(changed.json["downloadUrl"] == .null && changed.json["notes"] == "n")
            #expect(changed.json["content"] == added.json["content"])
            let ids = { (query: String) in
                try await desk.admin("GET", "/manifests\(query)").json.arrayValue?.map { $0["id"] }
            }
            #expect(try await ids("") == [1, 2], "the last changed one comes first")
            #expect(try await ids("?role=lite&status=active&limit=1") == [2])
        }
    }

    @Test("8) a task has an id and a nonce of its own, is listed, read and pushed")
    func tasks() async throws {
        try await withTask { desk, _ in
            let wish = #"{"agentId": "comfyui-158", "manifestId": 12, "actions": ["sync_models"]}"#
            let made = try await desk.admin("POST", "/tasks?push=false", wish)
            let url = "http://127.0.0.1:\(desk.daemon.port)/api/agent/manifests/12"
            let shown = """
                { "agentId": "comfyui-158", "manifestId": 12, "manifestUrl": "\(url)", "actions": ["sync_models"],
                  "expiresAt": "2026-02-05T23:40:00Z", "status": "pending", "tokenNonce": "<32 hex>", "pushedAt": null,
                  "startedAt": null, "finishedAt": null, "resultPayload": null, "errorMessage": null,
                  "requestPayload": { "agent_id": "comfyui-158", "manifest_url": "\(url)", "actions": ["sync_models"],
                    "expires_at": "2026-02-05T23:40:00Z" },
                  "created_at": "2026-02-05T22:40:00Z", "updated_at": "2026-02-05T22:40:00Z" }
                """
            #expect(try Example.differences(made, from: shown) == [])
            let id = try #require(made.json["id"]?.stringValue)
            #expect(id.wholeMatch(of: /agt_\d{8}_\d{6}_[0-9a-f]{8}/) != nil, "\(id)")
            let nonce = try #require(made.json["tokenNonce"]?.stringValue)
            #expect(nonce.wholeMatch(of: /[0-9a-f]{32}/) != nil, "\(nonce)")
            #expect(try await desk.admin("GET", "/tasks/\(id)").json == made.json)

            let pushed = try await desk.admin("POST", "/tasks/\(id)/push")
            let told = """
                { "taskId": "\(id)", "agentId": "comfyui-158", "status": "running", "pushStatus": 202,
                  "tokenExpiresAt": "2026-02-05T23:40:00Z" }
                """
            #expect(try Example.differences(pushed, from: told) == [])
            let sent = try JSON(
                parsing: """
                    { "task_id": "\(id)", "agent_id": "comfyui-158", "manifest_url": "\(url)", "nonce": "\(nonce)",
                      "actions": { "sync_models": true, "sync_plugins": false, "sync_workflows": false, "restart": false,
                        "sync_comfyui": false }, "expires_at": "2026-02-05T23:40:00Z", "token": "<jwt>" }
                    """)
            #expect(Example.differences(desk.pushed(.string(id)), from: sent) == [])
            let ids = { (query: String) in
                try await desk.admin("GET", "/tasks\(query)").json.arrayValue?.compactMap { $0["id"]?.stringValue }
            }
            #expect(try await ids("") == [id, Self.id])
            #expect(try await ids("?agent_id=comfyui-158&status=running&limit=1") == [id])
            #expect(try await ids("?status=pending") == [])
            #expect(try await desk.admin("GET", "/tasks/\(id)/events").json == [])
        }
    }

    @Test("8) a push that fails is AGENT_PUSH_FAILED, and the task stays")
    func failedPush() async throws {
        try await withAgentDesk { desk in
            try await desk.add("/agents", ["id": "gone", "baseUrl": "http://127.0.0.1:9"])
            let made = try await desk.admin("POST", "/tasks", #"{"agentId": "gone", "taskId": "agt_1"}"#)
            let again = try await desk.admin("POST", "/tasks/agt_1/push")
            for answer in [made, again] {
                #expect(answer.status == 502 && answer.json["detail"] == "AGENT_PUSH_FAILED", "\(answer)")
                #expect(answer.json["taskId"] == "agt_1")
            }
            let task = try await desk.admin("GET", "/tasks/agt_1").json
            #expect(task["status"] == "pending" && task["errorMessage"] == "AGENT_PUSH_FAILED", "\(task)")
        }
    }
}
