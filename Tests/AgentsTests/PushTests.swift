import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Agents

/// `spec/agents.md` §5: what is sent, and what the answers do.
@Suite("a task is pushed to its agent")
struct PushTests {
    @Test("the agent gets what the protocol says, every known action as true or false, and a token of the task")
    func body() async throws {
        try await withAgent { rig, agent in
            let made = try await rig.pushed()
            #expect(made.status == .ok)
            let taken = try #require(agent.taken.first)
            #expect(taken.request.url == "http://10.0.0.8:18079/tasks")
            #expect(taken.request.method == .post)
            #expect(taken.request.timeout == .seconds(15))
            #expect(taken.request.headers["Content-Type"] == "application/json")
            #expect(taken.request.headers["Authorization"] == nil)
            let task = await rig.task()
            #expect(taken.body["task_id"] == "agt_1" && taken.body["agent_id"] == "comfyui-158")
            #expect(taken.body["manifest_url"] == "https://centre/m/12")
            #expect(taken.body["expires_at"] == task["expiresAt"])
            #expect(taken.body["nonce"] == task["tokenNonce"])
            #expect(
                taken.body["actions"] == [
                    "sync_models": true, "sync_plugins": false, "sync_workflows": false, "restart": false,
                    "sync_comfyui": false,
                ])
            #expect(taken.actions == ["sync_models"], "an agent merges them over its defaults")
            let claims = try #require(try rig.host.plugin.gate.tokens.claims(of: taken.token))
            #expect(claims.scope == .task && claims.taskID == "agt_1" && claims.agentID == "comfyui-158")
            #expect(.string(claims.nonce) == task["tokenNonce"])
            let end = try #require(Timestamp(iso8601: task["expiresAt"]?.stringValue ?? ""))
            #expect(claims.expiresAt == end.milliseconds / 1000, "it lives as long as its task")
        }
    }

    @Test("actions as an object, unknown ones too; slashes at the end of the address do not matter")
    func actions() async throws {
        try await withAgent { rig, agent in
            _ = try await rig.addAgent("a", baseURL: "http://10.0.0.8:18079//")
            let actions: JSON = ["restart": true, "sync_models": false, "reindex": true]
            let made = await rig.admin(
                .post, "/tasks", ["agent_id": "a", "manifest_url": "http://m/1", "actions": actions])
            #expect(made.json?["actions"] == ["restart", "reindex"])
            #expect(agent.taken.first?.request.url == "http://10.0.0.8:18079/tasks")
            #expect(agent.taken.first?.actions == ["restart", "reindex"])
        }
    }

    @Test("AGENT_TASK_TOKEN_TTL shortens the token, never lengthens it", arguments: [(600, 600), (7200, 3600)])
    func tokenLife(_ configured: Int, _ expected: Int64) async throws {
        let configuration: JSON = ["task_token_ttl": .string("\(configured)s")]
        try await withAgent(configuration: configuration) { rig, agent in
            _ = try await rig.pushed()
            let taken = try #require(agent.taken.first)
            let claims = try #require(try rig.host.plugin.gate.tokens.claims(of: taken.token))
            #expect(claims.expiresAt - claims.issuedAt == expected)
        }
    }

    @Test("an accepted task runs; the push is answered as the origin does")
    func accepted() async throws {
        try await withAgent { rig, _ in
            let made = try await rig.pushed()
            #expect(made.json?["status"] == "running" && made.json?["pushedAt"] != .null)
            let again = await rig.admin(.post, "/tasks/agt_1/push")
            #expect(again.status == .ok)
            #expect(
                again.json == [
                    "taskId": "agt_1", "agentId": "comfyui-158", "status": "running", "pushStatus": 200,
                    "tokenExpiresAt": "2026-01-01T01:00:00.000Z",
                ])
        }
    }

    @Test("a task whose push fails exists, and the error names it", arguments: [301, 400, 404, 500])
    func failed(_ status: Int) async throws {
        try await withAgent(agent: ScriptedAgent(ScriptedAgent.status(Status(status)))) { rig, _ in
            let made = try await rig.pushed()
            #expect(made.status == .badGateway)
            #expect(made.json?["detail"] == "AGENT_PUSH_FAILED" && made.json?["taskId"] == "agt_1")
            #expect(made.json?["agentId"] == "comfyui-158" && made.json?["status"] == "pending")
            #expect(made.json?["pushStatus"]?.intValue == status)
            #expect(made.json?["error"] == .string("The agent answered with status \(status)."))
            let task = await rig.task()
            #expect(task["status"] == "pending" && task["errorMessage"] == .string("AGENT_HTTP_\(status)"))
            #expect(task["submitStatus"] == "submit_failed")
        }
    }

    @Test("an agent that is not there, or takes the request and says nothing")
    func unanswered() async throws {
        try await withAgent(agent: ScriptedAgent(ScriptedAgent.off)) { rig, agent in
            let made = try await rig.pushed()
            #expect(made.status == .badGateway && made.json?["pushStatus"] == .null)
            #expect(made.json?["error"]?.stringValue?.contains("could not be reached") == true)
            #expect(await rig.task()["errorMessage"] == "AGENT_PUSH_FAILED")
            agent.does(ScriptedAgent.silent)
            #expect(await rig.admin(.post, "/tasks/agt_1/push").status == .badGateway)
            #expect(await rig.task()["errorMessage"] == "AGENT_PUSH_TIMEOUT")
            #expect(await rig.task()["pushedAt"] != .null)
            try await rig.report("agt_1", .completed)
            let task = await rig.task()
            #expect(task["status"] == "success" && task["errorMessage"] == .null, "a later receipt counts")
        }
    }

    @Test(
        "an agent that refuses for good ends the task; a push begins it anew with another nonce",
        arguments: [401, 403, 422])
    func refused(_ status: Int) async throws {
        try await withAgent(agent: ScriptedAgent(ScriptedAgent.status(Status(status)))) { rig, agent in
            let made = try await rig.pushed()
            #expect(made.status == .badGateway && made.json?["status"] == "rejected")
            let rejected = await rig.task()
            #expect(rejected["status"] == "rejected" && rejected["finishedAt"] != .null)
            #expect(rejected["errorMessage"] == .string("AGENT_HTTP_\(status)"))
            agent.does(ScriptedAgent.accepting)
            #expect(await rig.admin(.post, "/tasks/agt_1/push").json?["status"] == "running")
            let task = await rig.task()
            #expect(task["errorMessage"] == .null && task["finishedAt"] == .null)
            #expect(task["tokenNonce"] != rejected["tokenNonce"])
            #expect(agent.taken.map { $0.body["nonce"] } == [rejected["tokenNonce"], task["tokenNonce"]])
            let events = await rig.admin(.get, "/tasks/agt_1/events").json?.arrayValue
            #expect(events?.first?["message"] == "pushed again after rejected")
        }
    }

    @Test("what cannot be pushed, in the order of the checks")
    func checks() async throws {
        try await withAgent { rig, agent in
            #expect(await rig.admin(.post, "/tasks/none/push").json?["detail"] == "AGENT_TASK_NOT_FOUND")
            _ = try await rig.addAgent(baseURL: nil)
            let made = await rig.admin(.post, "/tasks", AgentsRig.wish)
            #expect(made.status == .badRequest && made.json?["detail"] == "AGENT_BASE_URL_MISSING")
            #expect(made.json?["taskId"] == "agt_1" && made.json?["status"] == "pending")
            _ = await rig.admin(.put, "/agents/comfyui-158", ["config": ["base_url": "ftp://10.0.0.8"]])
            let target = await rig.admin(.post, "/tasks/agt_1/push")
            #expect(target.status == .badRequest && target.json?["detail"] == "AGENT_PUSH_TARGET_REFUSED")
            _ = await rig.admin(.put, "/agents/comfyui-158", ["allowed": false])
            let banned = await rig.admin(.post, "/tasks/agt_1/push")
            #expect(banned.status == .forbidden && banned.json?["detail"] == "AGENT_NOT_ALLOWED")
            _ = try await rig.addAgent("b")
            _ = await rig.admin(.post, "/tasks?push=false", ["agentId": "b", "taskId": "agt_2"])
            try await rig.report("agt_2", .completed)
            rig.host.clock.advance(by: .seconds(3600))
            let late = await rig.admin(.post, "/tasks/agt_1/push")
            #expect(late.status == .conflict && late.json?["detail"] == "AGENT_TASK_EXPIRED")
            let over = await rig.admin(.post, "/tasks/agt_2/push")
            #expect(over.status == .conflict && over.json?["detail"] == "AGENT_TASK_FINISHED")
            #expect(agent.taken.isEmpty)
        }
    }

    @Test("an address that the client must not connect to is refused, and the task stays")
    func forbiddenTarget() async throws {
        let agent = ScriptedAgent { _ in
            throw HTTPClientError(.addressRefused, mayHaveBeenProcessed: false, "no address of the host is allowed")
        }
        try await withAgent(configuration: ["push_retry": "failed"], agent: agent) { rig, agent in
            let made = try await rig.pushed()
            #expect(made.status == .badRequest && made.json?["detail"] == "AGENT_PUSH_TARGET_REFUSED")
            #expect(await rig.task()["errorMessage"] == "AGENT_PUSH_TARGET_REFUSED")
            let policy = try #require(agent.taken.first?.request.addressPolicy)
            for (address, isAllowed) in [("10.0.0.8", true), ("127.0.0.1", false), ("169.254.169.254", false)] {
                let target = ConnectionTarget(address: try #require(IPAddress(address)), port: 80)
                #expect(policy.allows(target) == isAllowed)
            }
            #expect(try await rig.host.plugin.tasks.find("agt_1").nextPushAt == nil)
        }
    }

    @Test("pushes of one task are one push, and nothing waits for it but they")
    func joined() async throws {
        let gate = Gate()
        let atOnce = Mutex((now: 0, most: 0))
        let agent = ScriptedAgent { taken in
            atOnce.withLock { ($0.now, $0.most) = ($0.now + 1, max($0.most, $0.now + 1)) }
            await gate.pass()
            atOnce.withLock { $0.now -= 1 }
            return try await ScriptedAgent.accepting(taken)
        }
        try await withAgent(agent: agent) { rig, agent in
            _ = try await rig.addAgent()
            #expect(await rig.admin(.post, "/tasks?push=false", AgentsRig.wish).json?["status"] == "pending")
            #expect(agent.taken.isEmpty)
            async let pushes = withTaskGroup(of: JSON?.self) { group in
                for _ in 0..<5 { group.addTask { await rig.admin(.post, "/tasks/agt_1/push").json?["status"] } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            await gate.waitForVisitor()
            for _ in 0..<20 { #expect(await rig.task()["status"] == "pending") }
            #expect(await rig.admin(.post, "/tasks/agt_1/revoke").status == .ok)
            gate.open()
            #expect(await pushes == Array(repeating: "running", count: 5))
            #expect(atOnce.withLock { $0.most } == 1)
        }
    }

    @Test("a revoked token counts no more; the next push brings another")
    func revoked() async throws {
        try await withAgent { rig, agent in
            _ = try await rig.pushed()
            let before = await rig.task()["tokenNonce"]
            let revoked = await rig.admin(.post, "/tasks/agt_1/revoke")
            #expect(revoked.status == .ok && revoked.json?["tokenNonce"] != before)
            #expect(revoked.json?["status"] == "running")
            let stale = try #require(agent.taken.first).token
            let heartbeat = await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: stale, [:])
            #expect(heartbeat.status == .forbidden && heartbeat.json?["detail"] == "AGENT_TOKEN_PAYLOAD_MISMATCH")
            _ = await rig.admin(.post, "/tasks/agt_1/push")
            let fresh = try #require(agent.taken.last).token
            #expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: fresh, [:]).status == .ok)
            #expect(await rig.admin(.post, "/tasks/none/revoke").status == .notFound)
        }
    }

    @Test("no token is in a log line")
    func logs() async throws {
        try await withAgent(agent: ScriptedAgent(ScriptedAgent.silent)) { rig, agent in
            _ = try await rig.pushed()
            let token = try #require(agent.taken.first).token
            let nonce = try #require(await rig.task()["tokenNonce"]?.stringValue)
            #expect(!rig.host.logs.lines("a task was pushed").isEmpty)
            #expect(!rig.host.logs.lines.contains { "\($0)".contains(token) || "\($0)".contains(nonce) })
        }
    }
}
