import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// How much an agent can make the daemon keep, and what it can put there.
@Suite struct EventLimitsTests {
    private static let path = "/tasks/agt_20260205_0001"

    @Test("the events of a task are bounded whichever numbers they get")
    func whicheverNumbers() async throws {
        try await withAgents { rig in
            let (task, _) = try await rig.oneTask()
            let other = try await rig.addTask("other")
            let count = TaskStore.mostEvents + 2000
            try await rig.fill(count) { number in
                // Two tasks of one agent can share the numbers between them as they like.
                TaskEvent(
                    taskID: number.isMultiple(of: 100) ? other.id : task.id, message: "m", createdAt: task.createdAt)
            }
            let kept = try await rig.tasks.events(of: task.id, limit: 10_000).count
            #expect(kept < TaskStore.mostEvents + 1500, "\(kept)")
        }
    }

    @Test("of many events the newest are kept")
    func manyEvents() async throws {
        try await withAgents { rig in
            let (task, _) = try await rig.oneTask()
            let count = TaskStore.mostEvents + 200
            try await rig.fill(count) { TaskEvent(taskID: task.id, message: "\($0)", createdAt: task.createdAt) }
            try await rig.host.database.write { try TaskStore.dropOldEvents(of: task.id, $0) }
            let kept = try await rig.tasks.events(of: task.id, limit: 10_000)
            #expect(kept.count == TaskStore.mostEvents)
            #expect(kept.first?.message == "\(count)")
        }
    }

    @Test("the events of a task are bounded in length too; the newest stay")
    func length() async throws {
        try await withAgents { rig in
            let (task, _) = try await rig.oneTask()
            let payload: JSONObject = ["text": .string(String(repeating: "x", count: 60_000))]
            try await rig.fill(400) { number in
                TaskEvent(taskID: task.id, message: "\(number)", payload: payload, createdAt: task.createdAt)
            }
            try await rig.host.database.write { try TaskStore.dropOldEvents(of: task.id, $0) }
            let kept = try await rig.tasks.events(of: task.id, limit: 1000)
            #expect(kept.first?.message == "400")
            #expect(kept.count == TaskStore.mostEventText / 60_014, "\(kept.count)")
        }
    }

    @Test("a number that no program can hold is refused", arguments: ["1e400", "-1e400", "1e999999999999"])
    func hugeNumbers(_ literal: String) async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            let number = JSON.number(try #require(JSONNumber(literal: literal)))
            for key in ["progress", "retryCount"] {
                let answer = await rig.agent(
                    .post, "\(Self.path)/events", token: token, ["message": "m", key: number])
                #expect(answer.status == 422)
                #expect(answer.json?["detail"]?[0]?["loc"] == ["body", .string(key)])
            }
            let agentToken = try #require(
                await rig.admin(.post, "/agents/comfyui-158/token").json?["token"]?.stringValue)
            for key in ["cpu", "mem", "disk_free_gb"] {
                let answer = await rig.agent(
                    .post, "/agents/comfyui-158/heartbeat", token: agentToken, [key: number])
                #expect(answer.status == 422)
            }
            #expect(await rig.admin(.get, "\(Self.path)/events").json == [])
            #expect(await rig.admin(.get, "/agents/comfyui-158").json?["metrics"] == .null)
        }
    }

    @Test("a letter with countless marks is cut like any other text, also where a refusal repeats it")
    func countlessMarks() async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            let marks = "a" + String(repeating: "\u{0301}", count: 20_000)
            let event = await rig.agent(.post, "\(Self.path)/events", token: token, ["message": .string(marks)])
            #expect(event.json?["message"]?.stringValue?.unicodeScalars.count == TaskEvent.longestMessage)
            for key in ["level", "step"] {
                let refused = await rig.agent(
                    .post, "\(Self.path)/events", token: token, ["message": "m", key: .string(marks)])
                #expect(refused.status == 422)
                #expect(refused.text.utf8.count < 4096, "\(refused.text.utf8.count)")
            }
            let refused = await rig.admin(.post, "/agents", ["id": "a", "name": .string(marks)])
            #expect(refused.status == 422)
            #expect(refused.text.utf8.count < 4096)
        }
    }

    @Test("NUL in a message or a receipt is text like any other, and a name has none")
    func nul() async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            let event = await rig.agent(.post, "\(Self.path)/events", token: token, ["message": "a\u{0}b"])
            #expect(event.json?["message"] == "a\u{0}b")
            #expect(await rig.admin(.get, "\(Self.path)/events").json == [event.json ?? .null])
            let refused = await rig.agent(
                .post, "\(Self.path)/events", token: token, ["message": "m", "step": "a\u{0}b"])
            #expect(refused.status == 422)
            let end = await rig.agent(.post, "\(Self.path)/failed", token: token, ["error_code": "a\u{0}b"])
            #expect(end.json?["errorMessage"] == "a\u{0}b")
            #expect(await rig.admin(.get, Self.path).json == end.json)
        }
    }

    @Test("an agent that floods with events can still say that it is done")
    func receiptAfterFlood() async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask(withManifest: true)
            for _ in 0..<600 {
                #expect(await rig.agent(.post, "\(Self.path)/events", token: token, ["message": "m"]).status == .ok)
            }
            rig.expect(
                await rig.agent(.post, "\(Self.path)/events", token: token, ["message": "m"]), .rateLimited)
            let manifest = await rig.agent(.get, "/manifests/\(task.manifestID ?? 0)", token: token)
            #expect(manifest.status == .ok)
            #expect(await rig.agent(.post, "/auth/verify", token: nil, ["token": .string(token)]).status == .ok)
            #expect(await rig.agent(.post, "\(Self.path)/complete", token: token).json?["status"] == "success")
        }
    }

    @Test("reads and receipts have a rate too", arguments: ["verify", "manifest", "complete"])
    func otherRates(_ route: String) async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask(withManifest: true)
            let ask = { @Sendable () async -> TestResponse in
                switch route {
                case "verify": await rig.agent(.post, "/auth/verify", token: nil, ["token": .string(token)])
                case "manifest": await rig.agent(.get, "/manifests/\(task.manifestID ?? 0)", token: token)
                default: await rig.agent(.post, "\(Self.path)/complete", token: token)
                }
            }
            for _ in 0..<120 { #expect(await ask().status == .ok) }
            let refused = await ask()
            rig.expect(refused, .rateLimited)
            #expect(refused.headers["Retry-After"] == "1")
        }
    }

    @Test("whoever has no token makes nothing grow, and reads no body", arguments: ["x", nil] as [String?])
    func strangers(_ token: String?) async throws {
        try await withAgents { rig in
            for number in 0..<300 {
                let answer = await rig.agent(.post, "/agents/ghost-\(number)/heartbeat", token: token, [:])
                #expect(answer.status == .unauthorized)
                let verified = await rig.agent(
                    .post, "/auth/verify", token: nil, ["token": "x", "agent_id": .string("ghost-\(number)")])
                #expect(verified.status == .unauthorized)
            }
            let body = HTTPBody([UInt8](repeating: 0x20, count: 10 << 20))
            let large = await rig.host.send(.post, "/api/agent/agents/ghost/heartbeat", body: body)
            #expect(large.status == .unauthorized)
            #expect(rig.host.plugin.roster.all.isEmpty)
        }
    }
}

extension AgentsRig {
    /// Stores so many events, many in one transaction.
    fileprivate func fill(_ count: Int, _ make: @escaping @Sendable (Int) -> TaskEvent) async throws {
        var next = 1
        while next <= count {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in next..<min(next + 100, count + 1) where number < count {
                    group.addTask { try await store(make(number)) }
                }
                try await group.waitForAll()
            }
            next += 100
        }
        try await store(make(count))
    }

    private func store(_ event: TaskEvent) async throws {
        _ = try await tasks.tell(event.taskID, .notAccepted, event: event)
    }
}
