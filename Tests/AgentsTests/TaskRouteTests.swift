import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// Seed 000 §8, `spec/agents.md` §4.
@Suite("tasks are made, listed and cancelled")
struct TaskRouteTests {
    @Test("a task without a push is answered as the origin does, with defaults and the derived states")
    func make() async throws {
        try await withAgents { rig in
            _ = try await rig.addAgent("a")
            let made = await rig.admin(.post, "/tasks?push=false", ["agentId": "a"])
            #expect(made.status == .ok)
            let task = try #require(made.json)
            let id = try #require(task["id"]?.stringValue)
            #expect(id.wholeMatch(of: /agt_20260101_000000_[0-9a-f]{8}/) != nil, "\(id)")
            let nonce = try #require(task["tokenNonce"]?.stringValue)
            #expect(nonce.wholeMatch(of: /[0-9a-f]{32}/) != nil)
            #expect(
                task == [
                    "id": .string(id), "agentId": "a", "manifestId": nil, "manifestUrl": nil, "actions": [],
                    "expiresAt": "2026-01-01T01:00:00.000Z", "status": "pending", "tokenNonce": .string(nonce),
                    "pushedAt": nil, "startedAt": nil, "finishedAt": nil,
                    "requestPayload": [
                        "agent_id": "a", "manifest_url": nil, "actions": [], "expires_at": "2026-01-01T01:00:00.000Z",
                    ], "resultPayload": nil, "errorMessage": nil, "created_at": "2026-01-01T00:00:00.000Z",
                    "updated_at": "2026-01-01T00:00:00.000Z", "submitStatus": "pending",
                    "callbackStatus": "waiting", "finalStatus": "pending", "errorCode": nil,
                ])
            #expect(await rig.admin(.get, "/tasks/\(id)").json == task)
            #expect(await rig.admin(.get, "/tasks/none").json?["detail"] == "AGENT_TASK_NOT_FOUND")
        }
    }

    @Test("where the manifest is: the task's word, else the manifest's, else the daemon itself")
    func manifestURL() async throws {
        for base in [nil, "https://centre", "https://centre/"] as [String?] {
            let configuration: JSON = base.map { ["manifest_base_url": .string($0)] } ?? [:]
            try await withAgents(configuration: configuration) { rig in
                _ = try await rig.addAgent("a")
                _ = await rig.admin(.post, "/manifests", ["role": "full", "version": "1"])
                _ = await rig.admin(
                    .post, "/manifests", ["role": "full", "version": "2", "downloadUrl": "https://files/2"])
                func url(_ more: JSONObject) async -> JSON? {
                    var body: JSONObject = ["agentId": "a"]
                    for (key, value) in more { body[key] = value }
                    return await rig.admin(.post, "/tasks?push=false", .object(body)).json?["manifestUrl"]
                }
                let own = "\(base == nil ? "http://test.local" : "https://centre")/api/agent/manifests/1"
                #expect(await url(["manifestId": 1]) == .string(own))
                #expect(await url(["manifest_id": 2]) == "https://files/2")
                #expect(await url(["manifestId": 2, "manifestUrl": "http://mine/2"]) == "http://mine/2")
                #expect(await url([:]) == .null)
            }
        }
    }

    @Test(
        "times with Z, an offset or none",
        arguments: ["2026-02-05T23:59:59Z", "2026-02-06T07:59:59+08:00", "2026-02-05T23:59:59"])
    func times(_ text: String) async throws {
        try await withAgents { rig in
            _ = try await rig.addAgent("a")
            let made = await rig.admin(.post, "/tasks?push=false", ["agentId": "a", "expires_at": .string(text)])
            #expect(made.json?["expiresAt"] == "2026-02-05T23:59:59.000Z")
        }
    }

    @Test("the same wish for the same id is the same task; another one is a conflict")
    func repeated() async throws {
        try await withAgent { rig, agent in
            let first = try await rig.pushed()
            let second = await rig.admin(.post, "/tasks", AgentsRig.wish)
            #expect(second.status == .ok && second.json == first.json)
            #expect(agent.taken.count == 1, "it is running: no second push")
            var other = try #require(AgentsRig.wish.objectValue)
            other["actions"] = ["restart"]
            let conflict = await rig.admin(.post, "/tasks", .object(other))
            #expect(conflict.status == .conflict && conflict.json?["detail"] == "AGENT_TASK_ALREADY_EXISTS")
            #expect(await rig.task() == first.json)
        }
    }

    @Test("the same wish finds its task also when its time is over; for a new task that is too late")
    func repeatedLate() async throws {
        try await withAgent { rig, _ in
            var wish = try #require(AgentsRig.wish.objectValue)
            wish["expiresAt"] = "2026-01-01T01:00:00Z"
            _ = try await rig.pushed(.object(wish))
            try await rig.report("agt_1", .completed)
            rig.host.clock.advance(by: .seconds(7200))
            let again = await rig.admin(.post, "/tasks", .object(wish))
            #expect(again.status == .ok && again.json?["status"] == "success", "\(again)")
            wish["taskId"] = "agt_2"
            let late = await rig.admin(.post, "/tasks", .object(wish))
            #expect(late.status == .unprocessableContent)
            #expect(late.json?["detail"]?.arrayValue?.first?["loc"] == ["body", "expiresAt"])
            rig.expect(await rig.admin(.get, "/tasks/agt_2"), .taskNotFound)
        }
    }

    @Test("the same wish for a task that still waits pushes it")
    func repeatedPending() async throws {
        try await withAgent(agent: ScriptedAgent(ScriptedAgent.off)) { rig, agent in
            let made = try await rig.pushed()
            #expect(made.status == .badGateway)
            agent.does(ScriptedAgent.accepting)
            #expect(await rig.admin(.post, "/tasks", AgentsRig.wish).json?["status"] == "running")
        }
    }

    @Test("whom or what a task is for must be there")
    func missing() async throws {
        try await withAgents { rig in
            let nobody = await rig.admin(.post, "/tasks", ["agentId": "z"])
            #expect(nobody.status == .notFound && nobody.json?["detail"] == "AGENT_NOT_FOUND")
            _ = try await rig.addAgent("a")
            let nothing = await rig.admin(.post, "/tasks", ["agentId": "a", "manifestId": 9])
            #expect(nothing.status == .notFound && nothing.json?["detail"] == "AGENT_MANIFEST_NOT_FOUND")
        }
    }

    @Test(
        "a body that is no task is answered with 422 and the place",
        arguments: [
            ([:], "agentId"), (["agentId": 1], "agentId"), (["agentId": "a", "manifestId": "x"], "manifestId"),
            (["agentId": "a", "manifestUrl": "file:///etc/passwd"], "manifestUrl"),
            (["agentId": "a", "actions": "sync_models"], "actions"), (["agentId": "a", "actions": [1]], "actions"),
            (["agentId": "a", "actions": ["restart": "yes"]], "actions"),
            (["agentId": "a", "actions": .array((0...50).map { .string("a\($0)") })], "actions"),
            (["agentId": "a", "expiresAt": "tomorrow"], "expiresAt"),
            (["agentId": "a", "expiresAt": "2026-01-01T00:00:00Z"], "expiresAt"),
            (["agentId": "a", "taskId": "a/b"], "taskId"), (["agentId": "a", "taskId": "a b"], "taskId"),
            (["agentId": "a", "taskId": ".."], "taskId"), (["agentId": "a", "taskId": "a%2Fb"], "taskId"),
            (["agentId": "a", "taskId": "a?b"], "taskId"), (["agentId": "a", "taskId": "a\u{2003}b"], "taskId"),
            (["agentId": "a", "taskId": .string(String(repeating: "t", count: 65))], "taskId"),
        ] as [(JSON, String)])
    func invalid(_ body: JSON, _ place: String) async throws {
        try await withAgents { rig in
            _ = try await rig.addAgent("a")
            let answer = await rig.admin(.post, "/tasks", body)
            #expect(answer.status == .unprocessableContent, "\(answer.text)")
            #expect(answer.json?["detail"]?[0]?["loc"]?[1] == .string(place))
            #expect(await rig.admin(.get, "/tasks").json == [])
        }
    }

    @Test("the list: the newest first, by agent and status")
    func list() async throws {
        try await withAgents { rig in
            for (id, agent) in [("t1", "a"), ("t2", "b"), ("t3", "a")] {
                if id != "t3" { _ = try await rig.addAgent(agent) }
                _ = await rig.admin(
                    .post, "/tasks?push=false", ["agentId": .string(agent), "taskId": .string(id)])
                rig.host.clock.advance(by: .seconds(1))
            }
            _ = await rig.admin(.post, "/tasks/t1/cancel")
            func ids(_ query: String) async -> [String] {
                (await rig.admin(.get, "/tasks\(query)").json?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
            }
            #expect(await ids("") == ["t3", "t2", "t1"])
            #expect(await ids("?agent_id=a") == ["t3", "t1"])
            #expect(await ids("?agent_id=a&status=pending") == ["t3"])
            #expect(await ids("?status=rejected") == ["t1"])
            #expect(await ids("?limit=1") == ["t3"])
            #expect(await ids("?limit=1&offset=1") == ["t2"])
        }
    }

    @Test("the events of a task, the newest first; of one that is not there, none")
    func events() async throws {
        try await withAgent { rig, _ in
            _ = try await rig.pushed()
            for _ in 0..<3 { try await rig.report("agt_1", .reported) }
            let events = try #require(await rig.admin(.get, "/tasks/agt_1/events").json?.arrayValue)
            #expect(events.map { $0["id"]?.intValue } == [3, 2, 1])
            #expect(
                events.first == [
                    "id": 3, "taskId": "agt_1", "level": "info", "message": "sync models started", "payload": nil,
                    "step": nil, "progress": nil, "eventTime": nil, "created_at": "2026-01-01T00:00:00.000Z",
                ])
            #expect(await rig.admin(.get, "/tasks/agt_1/events?limit=2").json?.arrayValue?.count == 2)
            let rest = await rig.admin(.get, "/tasks/agt_1/events?offset=2").json?.arrayValue ?? []
            let all = await rig.admin(.get, "/tasks/agt_1/events").json?.arrayValue ?? []
            #expect(!rest.isEmpty && rest == Array(all.dropFirst(2)))
            #expect(await rig.admin(.get, "/tasks/none/events").json == [])
        }
    }

    @Test("a cancelled task is rejected, its tokens count no more, and a push begins it anew")
    func cancel() async throws {
        try await withAgent { rig, agent in
            _ = try await rig.pushed()
            let cancelled = await rig.admin(.post, "/tasks/agt_1/cancel")
            #expect(cancelled.json?["status"] == "rejected" && cancelled.json?["finalStatus"] == "canceled")
            #expect(cancelled.json?["finishedAt"] != .null)
            let stale = try #require(agent.taken.first).token
            #expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: stale, [:]).status == .forbidden)
            let again = await rig.admin(.post, "/tasks/agt_1/cancel")
            #expect(again.status == .ok && again.json == cancelled.json, "what was cancelled stays so")
            let told = await rig.admin(.get, "/tasks/agt_1/events").json?.arrayValue ?? []
            #expect(told.map { $0["message"] } == ["cancelled by admin"])
            #expect(await rig.admin(.post, "/tasks/none/cancel").status == .notFound)
            #expect(await rig.admin(.post, "/tasks/agt_1/push").json?["status"] == "running")
            let task = await rig.task()
            try await rig.report("agt_1", .completed)
            rig.expect(await rig.admin(.post, "/tasks/agt_1/cancel"), .taskFinished)
            #expect(task["finishedAt"] == .null && task["errorMessage"] == .null)
            #expect(agent.taken.last?.body["nonce"] == task["tokenNonce"] && task["tokenNonce"] != "")
        }
    }
}
