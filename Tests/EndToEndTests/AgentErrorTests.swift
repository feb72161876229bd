import PluginAPI
import Testing

/// Each code of the agents and the alerts, provoked once, and the order of the checks.
@Suite("the errors of agents and alerts")
struct AgentErrorTests {
    /// A request that is refused: status and code, whose token it has, and what it asks for.
    private typealias Refusal = (status: Int, code: String, who: String, method: String, path: String, body: String?)

    private static let admin = "/api/admin/comfyui"
    private static let agent = "/api/agent"
    private static let event = #"{"message": "m"}"#
    private static let alert = #"{"type": "t", "message": "m"}"#

    /// What the administrator is refused.
    private static let adminSide: [Refusal] = [
        (404, "AGENT_NOT_FOUND", "admin", "GET", "\(admin)/agents/ghost", nil),
        (404, "AGENT_NOT_FOUND", "admin", "PUT", "\(admin)/agents/ghost", "{}"),
        (404, "AGENT_NOT_FOUND", "admin", "DELETE", "\(admin)/agents/ghost", nil),
        (404, "AGENT_NOT_FOUND", "admin", "POST", "\(admin)/agents/ghost/token", nil),
        (404, "AGENT_NOT_FOUND", "admin", "POST", "\(admin)/tasks", #"{"agentId": "ghost"}"#),
        (409, "AGENT_ALREADY_EXISTS", "admin", "POST", "\(admin)/agents", #"{"id": "a"}"#),
        (400, "AGENT_ID_IMMUTABLE", "admin", "PUT", "\(admin)/agents/a", #"{"id": "b"}"#),
        (409, "AGENT_HAS_RUNNING_TASK", "admin", "DELETE", "\(admin)/agents/a", nil),
        (403, "AGENT_NOT_ALLOWED", "admin", "POST", "\(admin)/agents/off/token", nil),
        (403, "AGENT_NOT_ALLOWED", "admin", "POST", "\(admin)/tasks", #"{"agentId": "off", "manifestId": 99}"#),
        (403, "AGENT_NOT_ALLOWED", "admin", "POST", "\(admin)/tasks/of-off/push", nil),
        (404, "AGENT_MANIFEST_NOT_FOUND", "admin", "GET", "\(admin)/manifests/99", nil),
        (404, "AGENT_MANIFEST_NOT_FOUND", "admin", "PUT", "\(admin)/manifests/99", "{}"),
        (404, "AGENT_MANIFEST_NOT_FOUND", "admin", "POST", "\(admin)/tasks", #"{"agentId": "a", "manifestId": 99}"#),
        (409, "AGENT_MANIFEST_EXISTS", "admin", "POST", "\(admin)/manifests", #"{"role": "full", "version": "1"}"#),
        (409, "AGENT_MANIFEST_EXISTS", "admin", "PUT", "\(admin)/manifests/2", #"{"version": "1"}"#),
        (404, "AGENT_TASK_NOT_FOUND", "admin", "GET", "\(admin)/tasks/ghost", nil),
        (404, "AGENT_TASK_NOT_FOUND", "admin", "POST", "\(admin)/tasks/ghost/push", nil),
        (404, "AGENT_TASK_NOT_FOUND", "admin", "POST", "\(admin)/tasks/ghost/cancel", nil),
        (404, "AGENT_TASK_NOT_FOUND", "admin", "POST", "\(admin)/tasks/ghost/revoke", nil),
        (409, "AGENT_TASK_ALREADY_EXISTS", "admin", "POST", "\(admin)/tasks", #"{"agentId": "a", "taskId": "t3"}"#),
        (409, "AGENT_TASK_FINISHED", "admin", "POST", "\(admin)/tasks/done/push", nil),
        (409, "AGENT_TASK_FINISHED", "admin", "POST", "\(admin)/tasks/done/cancel", nil),
        (409, "AGENT_TASK_EXPIRED", "admin", "POST", "\(admin)/tasks/late/push", nil),
        (400, "AGENT_BASE_URL_MISSING", "admin", "POST", "\(admin)/tasks", #"{"agentId": "nowhere"}"#),
        (400, "AGENT_PUSH_TARGET_REFUSED", "admin", "POST", "\(admin)/tasks", #"{"agentId": "cloud"}"#),
        (502, "AGENT_PUSH_FAILED", "admin", "POST", "\(admin)/tasks", #"{"agentId": "dead"}"#),
        (404, "ALERT_NOT_FOUND", "admin", "GET", "\(admin)/alerts/99", nil),
        (404, "ALERT_NOT_FOUND", "admin", "POST", "\(admin)/alerts/99/ack", nil),
    ]

    /// What agents are refused, in the order of the checks: a request that is wrong in two ways is refused for the first.
    private static let agentSide: [Refusal] = [
        (401, "AGENT_TOKEN_REQUIRED", "nobody", "POST", "\(agent)/tasks/ghost/events", event),
        (401, "AGENT_TOKEN_REQUIRED", "nobody", "POST", "\(agent)/auth/verify", #"{"agent_id": "ghost"}"#),
        (401, "AGENT_TOKEN_INVALID", "text", "GET", "\(agent)/manifests/99", nil),
        (401, "AGENT_TOKEN_INVALID", "none of another key", "POST", "\(agent)/tasks/t1/complete", nil),
        (401, "AGENT_TOKEN_KID_REQUIRED", "unsigned of no key", "POST", "\(agent)/tasks/t1/events", event),
        (401, "AGENT_TOKEN_KID_INVALID", "unsigned of another key", "POST", "\(agent)/tasks/t1/failed", nil),
        (401, "AGENT_TOKEN_INVALID", "unsigned and expired", "POST", "\(agent)/tasks/t1/events", event),
        (401, "AGENT_TOKEN_EXPIRED", "expired without agent", "POST", "\(agent)/tasks/t1/events", event),
        (401, "AGENT_TOKEN_PAYLOAD_INVALID", "agent's without agent", "POST", "\(agent)/tasks/t1/events", event),
        (403, "AGENT_TOKEN_SCOPE_INVALID", "agent", "POST", "\(agent)/tasks/ghost/events", event),
        (403, "AGENT_TOKEN_SCOPE_INVALID", "agent", "GET", "\(agent)/manifests/99", nil),
        (403, "AGENT_TASK_FORBIDDEN", "task", "POST", "\(agent)/tasks/ghost/events", event),
        (404, "AGENT_TASK_NOT_FOUND", "off's ghost task", "POST", "\(agent)/tasks/ghost/complete", nil),
        (403, "AGENT_TASK_FORBIDDEN", "b's for t1, other nonce", "POST", "\(agent)/tasks/t1/events", event),
        (403, "AGENT_TOKEN_PAYLOAD_MISMATCH", "revoked", "POST", "\(agent)/tasks/t3/complete", nil),
        (403, "AGENT_TOKEN_PAYLOAD_MISMATCH", "off's, other nonce", "POST", "\(agent)/tasks/of-off/events", event),
        (403, "AGENT_NOT_ALLOWED", "off's late", "POST", "\(agent)/tasks/off-late/events", event),
        (409, "AGENT_TASK_EXPIRED", "late", "POST", "\(agent)/tasks/late/events", "[]"),
        (409, "AGENT_TASK_EXPIRED", "late", "POST", "\(agent)/tasks/late/complete", nil),
        (409, "AGENT_TASK_EXPIRED", "late", "GET", "\(agent)/manifests/2", nil),
        (403, "AGENT_MANIFEST_FORBIDDEN", "task", "GET", "\(agent)/manifests/2", nil),
        (403, "AGENT_MANIFEST_FORBIDDEN", "task", "GET", "\(agent)/manifests/99", nil),
        (404, "AGENT_MANIFEST_NOT_FOUND", "debug", "GET", "\(agent)/manifests/99", nil),
        (403, "AGENT_NOT_ALLOWED", "agent", "POST", "\(agent)/agents/ghost/heartbeat", nil),
        (404, "AGENT_NOT_FOUND", "gone", "POST", "\(agent)/agents/gone/heartbeat", "[]"),
        (403, "AGENT_NOT_ALLOWED", "off", "POST", "\(agent)/agents/off/heartbeat", "[]"),
        (403, "AGENT_NOT_ALLOWED", "agent", "POST", "\(agent)/agents/ghost/alerts", alert),
        (404, "AGENT_NOT_FOUND", "gone", "POST", "\(agent)/agents/gone/alerts", "[]"),
        (403, "AGENT_NOT_ALLOWED", "off", "POST", "\(agent)/agents/off/alerts", "[]"),
        (401, "AGENT_TOKEN_INVALID", "nobody", "POST", "\(agent)/auth/verify", #"{"token": "text"}"#),
        (401, "AGENT_TOKEN_EXPIRED", "nobody", "POST", "\(agent)/auth/verify", #"{"token": "expired without agent"}"#),
        (
            401, "AGENT_TOKEN_PAYLOAD_INVALID", "nobody", "POST", "\(agent)/auth/verify",
            #"{"token": "agent's without agent"}"#
        ),
        (
            403, "AGENT_TOKEN_PAYLOAD_MISMATCH", "nobody", "POST", "\(agent)/auth/verify",
            #"{"token": "gone", "task_id": "ghost"}"#
        ),
        (404, "AGENT_NOT_FOUND", "nobody", "POST", "\(agent)/auth/verify", #"{"token": "gone"}"#),
        (403, "AGENT_NOT_ALLOWED", "nobody", "POST", "\(agent)/auth/verify", #"{"token": "off's ghost task"}"#),
        (404, "AGENT_TASK_NOT_FOUND", "nobody", "POST", "\(agent)/auth/verify", #"{"token": "a's ghost task"}"#),
        (
            403, "AGENT_TASK_FORBIDDEN", "nobody", "POST", "\(agent)/auth/verify",
            #"{"token": "b's for t1, other nonce"}"#
        ),
        (403, "AGENT_TOKEN_PAYLOAD_MISMATCH", "nobody", "POST", "\(agent)/auth/verify", #"{"token": "revoked"}"#),
        (409, "AGENT_TASK_EXPIRED", "nobody", "POST", "\(agent)/auth/verify", #"{"token": "late"}"#),
    ]

    /// What is refused when it comes too often.
    private static let tooOften: [Refusal] = [
        (429, "AGENT_RATE_LIMITED", "agent", "POST", "\(agent)/agents/a/heartbeat", "{}"),
        (429, "AGENT_ALERT_RATE_LIMITED", "agent", "POST", "\(agent)/agents/a/alerts", alert),
    ]

    /// What is refused because of its form, and what is named as wrong.
    private static let malformed: [(who: String, method: String, path: String, body: String?, place: JSON)] = [
        ("admin", "POST", "\(admin)/agents", "{}", ["body", "id"]),
        ("admin", "POST", "\(admin)/agents", #"{"id": "a/b"}"#, ["body", "id"]),
        ("admin", "POST", "\(admin)/agents", #"{"id": "c", "base_url": "ftp://h"}"#, ["body", "baseUrl"]),
        ("admin", "PUT", "\(admin)/agents/a", #"{"allowed": "perhaps"}"#, ["body", "allowed"]),
        ("admin", "POST", "\(admin)/agents/a/token", #"{"ttlSeconds": 59}"#, ["body", "ttlSeconds"]),
        ("admin", "GET", "\(admin)/agents?limit=many", nil, ["query", "limit"]),
        ("admin", "DELETE", "\(admin)/agents/a?force=perhaps", nil, ["query", "force"]),
        ("admin", "POST", "\(admin)/manifests", #"{"role": "full"}"#, ["body", "version"]),
        ("admin", "PUT", "\(admin)/manifests/one", "{}", ["path", "id"]),
        ("admin", "POST", "\(admin)/tasks", "{}", ["body", "agentId"]),
        ("admin", "POST", "\(admin)/tasks", #"{"agentId": "a", "actions": 5}"#, ["body", "actions"]),
        (
            "admin", "POST", "\(admin)/tasks", #"{"agentId": "a", "expiresAt": "2020-02-05T23:59:59Z"}"#,
            ["body", "expiresAt"]
        ),
        ("admin", "POST", "\(admin)/tasks?push=perhaps", #"{"agentId": "a"}"#, ["query", "push"]),
        ("admin", "GET", "\(admin)/tasks/t1/events?limit=many", nil, ["query", "limit"]),
        ("admin", "GET", "\(admin)/alerts?since=yesterday", nil, ["query", "since"]),
        ("admin", "POST", "\(admin)/alerts/one/ack", nil, ["path", "id"]),
        ("task", "GET", "\(agent)/manifests/one", nil, ["path", "id"]),
        ("task", "POST", "\(agent)/tasks/t1/events", "{}", ["body", "message"]),
        ("task", "POST", "\(agent)/tasks/t1/events", #"{"message": "m", "progress": "half"}"#, ["body", "progress"]),
        ("task", "POST", "\(agent)/tasks/t1/complete", #"{"summary": 5}"#, ["body", "summary"]),
        ("agent", "POST", "\(agent)/agents/a/heartbeat", #"{"cpu": "much"}"#, ["body", "cpu"]),
        ("agent", "POST", "\(agent)/agents/a/alerts", #"{"message": "m"}"#, ["body", "type"]),
        ("agent", "POST", "\(agent)/agents/a/alerts", #"{"type": "t"}"#, ["body", "message"]),
        ("nobody", "POST", "\(agent)/auth/verify", #"{"token": 5}"#, ["body", "token"]),
    ]

    @Test("each code comes with its status, as the document says, and none is left out")
    func codes() async throws {
        try await withAgentDesk(agents: AgentDesk.refusalSettings, alerts: "rate_limit: 10") { desk in
            let tokens = try await desk.prepareRefusals()
            var provoked = try await provoke(Self.adminSide + Self.agentSide, tokens, desk)
            provoked.formUnion(try await provoke(Self.tooOften, tokens, desk, times: 100))
            let alert = ("agent", "POST", "\(Self.agent)/agents/a/alerts", Self.alert)
            for (plugin, code) in [("alerts", "ALERTS_DISABLED"), ("agents", "AGENTS_DISABLED")] {
                let off = try await desk.send(
                    "POST", "/api/admin/plugins/\(plugin)/disable", as: tokens["admin"], nil)
                #expect(off.status == 200, "\(off)")
                let refusal: Refusal = (503, code, alert.0, alert.1, alert.2, alert.3)
                provoked.formUnion(try await provoke([refusal], tokens, desk))
                let on = try await desk.send("POST", "/api/admin/plugins/\(plugin)/enable", as: tokens["admin"], nil)
                #expect(on.status == 200, "\(on)")
            }
            #expect(Self.known == provoked, "left out: \(Self.known.symmetricDifference(provoked).sorted())")
            let guides = try ["agents", "agent-protocol", "alerts"].map {
                try Files.text("\(Places.repository)/docs/\($0).md")
            }
            for code in Self.known {
                #expect(guides.contains { $0.contains(code) }, "no guide has \(code)")
            }
        }
    }

    @Test("a body, a query or an id of the wrong form is 422 and names the place")
    func forms() async throws {
        try await withAgentDesk(agents: AgentDesk.refusalSettings) { desk in
            let tokens = try await desk.prepareRefusals()
            for request in Self.malformed {
                let answer = try await desk.send(request.method, request.path, as: tokens[request.who], request.body)
                let name = "\(request.path) with \(request.body ?? "nothing")"
                #expect(
                    answer.status == 422 && answer.json["detail"]?[0]?["loc"] == request.place, "\(name): \(answer)")
            }
            for (who, path, size) in [
                ("admin", "\(Self.admin)/agents", 2), ("task", "\(Self.agent)/tasks/t1/complete", 2),
            ] {
                let large = JSON.object(["id": .string(String(repeating: "x", count: size << 20))]).text()
                let answer = try await desk.send("POST", path, as: tokens[who], large)
                #expect(answer.status == 413 && answer.json["detail"] == "BODY_TOO_LARGE", "\(answer)")
                let deep = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
                #expect(try await desk.send("POST", path, as: tokens[who], #"{"x": \#(deep)}"#).status == 422)
            }
        }
    }

    @Test("without the administrator's token nothing is told, and a key needs the scope")
    func access() async throws {
        let paths = ["agents", "agents/a", "manifests", "tasks", "tasks/t/events", "alerts"].map {
            "\(Self.admin)/\($0)"
        }
        try await withAgentDesk { desk in
            func key(_ scope: String) async throws -> String {
                let body: JSON = ["name": .string(scope), "scopes": [.string(scope)]]
                let made = try await desk.daemon.admin.post("/api/admin/tokens", body)
                return try #require(made.json["token"]?.stringValue)
            }
            try await desk.add("/agents", ["id": "a"])
            let agents = try await key("agents")
            let alerts = try await key("alerts")
            let strangers = [
                (nil, 401, "AUTHORIZATION_REQUIRED"), ("wrong", 401, "INVALID_TOKEN"),
                (try await key("jobs"), 403, "ADMIN_ONLY"), (try await desk.token(of: "a"), 401, "INVALID_TOKEN"),
            ]
            for (token, status, code) in strangers {
                for path in paths {
                    let answer = try await desk.send("GET", path, as: token, nil)
                    #expect(answer.status == status && answer.json["detail"] == .string(code), "\(path): \(answer)")
                }
            }
            for path in paths {
                let isAlerts = path.hasSuffix("/alerts")
                #expect(try await desk.send("GET", path, as: agents, nil).status == (isAlerts ? 403 : 200), "\(path)")
                #expect(try await desk.send("GET", path, as: alerts, nil).status == (isAlerts ? 200 : 403), "\(path)")
            }
            // The administrator is no agent.
            let beat = try await desk.agent("POST", "/agents/a/heartbeat", as: desk.daemon.adminToken, "{}")
            #expect(beat.status == 401 && beat.json["detail"] == "AGENT_TOKEN_INVALID", "\(beat)")
        }
    }

    /// The codes that the plugins have.
    private static let known: Set<String> = {
        let files = ["Agents/Support/AgentCode", "Alerts/Records/AlertCode"]
        let texts = files.map { (try? Files.text("\(Places.repository)/Plugins/\($0).swift")) ?? "" }
        return Set(texts.joined().matches(of: /"([A-Z]+(?:_[A-Z]+)+)"/).map { String($0.1) })
    }()

    /// Sends requests that must be refused, each until it is.
    ///
    /// - Returns: Their codes.
    private func provoke(
        _ refusals: [Refusal], _ tokens: [String: String], _ desk: AgentDesk, times: Int = 1
    ) async throws -> Set<String> {
        let published = PublishedErrors(try await desk.daemon.probe.get("/openapi.json").json)
        for refusal in refusals {
            let (status, code, who, method, path, body) = refusal
            // In a body a token stands under its name.
            let named = try body.map { try JSON(parsing: $0) }?["token"]?.stringValue
            let sent = named.flatMap { name in tokens[name].map { body?.replacing(name, with: $0) } } ?? body
            let token = tokens[who]
            try #require(token != nil || who == "nobody", "\(who)")
            var answer = try await desk.send(method, path, as: token, sent)
            for _ in 1..<times where answer.status == 200 {
                answer = try await desk.send(method, path, as: token, sent)
            }
            let name = "\(who): \(method) \(path) \(body ?? "")"
            #expect(answer.status == status, "\(name): \(answer)")
            #expect(
                answer.json["detail"] == .string(code) && answer.json["code"] == .string(code), "\(name): \(answer)")
            #expect(answer.json["status_code"]?.intValue == status && answer["x-request-id"] != nil, "\(name)")
            #expect((answer["retry-after"] != nil) == (status == 429), "\(name): \(answer)")
            let isPublished = published.name(code, status, method, path)
            #expect(isPublished, "\(name): \(code) is not in /openapi.json")
        }
        return Set(refusals.map(\.code))
    }
}
