import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Agents

/// What happens to a task, to its agent and to the daemon while it is pushed.
@Suite("a push and what happens meanwhile")
struct PushRaceTests {
    @Test("a task that ended before its time came again stays ended, and its agent is not asked")
    func endedBeforeRetry() async throws {
        try await withAgent(agent: ScriptedAgent(ScriptedAgent.busy)) { rig, agent in
            _ = try await rig.pushed()
            // It was found to be due a moment ago.
            _ = await rig.admin(.post, "/tasks/agt_1/cancel")
            agent.does(ScriptedAgent.accepting)
            await rig.host.plugin.pusher.pushAgain("agt_1")
            #expect(await rig.task()["status"] == "rejected" && agent.taken.count == 1)
            _ = await rig.admin(.post, "/tasks/agt_1/push")
            #expect(await rig.task()["status"] == "running" && agent.taken.count == 2)
            await rig.host.plugin.pusher.pushAgain("agt_1")
            #expect(agent.taken.count == 2, "it was pushed by hand meanwhile")
        }
    }

    @Test("a task that ended within its push begins anew after it", arguments: ["cancel", "failed"])
    func endedWithin(_ end: String) async throws {
        let gate = Gate()
        try await withAgent { rig, agent in
            agent.does { taken in
                guard agent.taken.count == 1 else { return try await ScriptedAgent.accepting(taken) }
                await gate.pass()
                return try await ScriptedAgent.accepting(taken)
            }
            _ = try await rig.addAgent()
            async let made = rig.admin(.post, "/tasks", AgentsRig.wish)
            await gate.waitForVisitor()
            async let joined = rig.admin(.post, "/tasks/agt_1/push")
            try await rig.host.clock.drive(for: .seconds(1))
            if end == "cancel" {
                _ = await rig.admin(.post, "/tasks/agt_1/cancel")
            } else {
                try await rig.report("agt_1", .failed)
            }
            let before = await rig.task()
            async let again = rig.admin(.post, "/tasks/agt_1/push")
            try await rig.host.clock.drive(for: .seconds(1))
            #expect(agent.taken.count == 1 && before["finishedAt"] != .null)
            gate.open()
            #expect(await again.json?["status"] == "running")
            #expect(await [made.status, joined.status] == [.ok, .ok])
            #expect(agent.taken.count == 2 && agent.taken.last?.body["nonce"] != agent.taken.first?.body["nonce"])
            let task = await rig.task()
            #expect(task["status"] == "running" && task["finishedAt"] == .null && task["errorMessage"] == .null)
        }
    }

    @Test("an agent that moves between two pushes is asked where it is now, and one that is deleted not at all")
    func agentChanges() async throws {
        try await withAgent(agent: ScriptedAgent(ScriptedAgent.busy)) { rig, agent in
            _ = try await rig.pushed()
            _ = await rig.admin(.put, "/agents/comfyui-158", ["baseUrl": "http://10.0.0.9:1/x/"])
            let (_, isAsked) = try await rig.host.clock.drive(atMost: .seconds(40)) { agent.taken.count == 2 }
            #expect(isAsked && agent.taken.last?.request.url == "http://10.0.0.9:1/x/tasks")
            #expect(await rig.admin(.delete, "/agents/comfyui-158").status.code < 300)
            try await rig.host.clock.drive(for: .seconds(400))
            #expect(agent.taken.count == 2)
            #expect(rig.host.logs.lines("a task cannot be pushed again").isEmpty)
        }
    }

    @Test("an agent that is deleted within its push takes the task with it")
    func agentDeleted() async throws {
        try await withAgent { rig, agent in
            agent.does { taken in
                #expect(await rig.admin(.delete, "/agents/comfyui-158?force=true").status.code < 300)
                return try await ScriptedAgent.accepting(taken)
            }
            let made = try await rig.pushed()
            #expect(made.status == .notFound && made.json?["detail"] == "AGENT_TASK_NOT_FOUND", "\(made)")
        }
    }

    @Test("a task that ended before its repeated wish pushed it stays ended", arguments: ["cancel", "complete"])
    func endedBeforeWish(_ end: String) async throws {
        try await withAgent { rig, agent in
            _ = try await rig.addAgent()
            _ = await rig.admin(.post, "/tasks?push=false", AgentsRig.wish)
            if end == "cancel" {
                _ = await rig.admin(.post, "/tasks/agt_1/cancel")
            } else {
                try await rig.report("agt_1", .completed)
            }
            try await rig.host.plugin.pusher.pushNew("agt_1")
            #expect(await rig.task()["status"] == (end == "cancel" ? "rejected" : "success") && agent.taken.isEmpty)
        }
    }

    @Test("the end of the task's time is no report of its agent")
    func expiresMeanwhile() async throws {
        try await withAgent { rig, agent in
            agent.does { taken in
                rig.host.clock.advance(by: .seconds(3600))
                let (_, isOver) = try await rig.host.clock.drive(atMost: .seconds(20)) {
                    await rig.task()["errorMessage"] == "AGENT_TASK_EXPIRED"
                }
                #expect(isOver)
                return try await ScriptedAgent.silent(taken)
            }
            let made = try await rig.pushed()
            #expect(made.status == .badGateway && made.json?["status"] == "failed", "\(made.text)")
        }
    }

    @Test("nor is a revocation")
    func revokedMeanwhile() async throws {
        try await withAgent { rig, agent in
            _ = try await rig.pushed()
            agent.does { taken in
                #expect(await rig.admin(.post, "/tasks/agt_1/revoke").status == .ok)
                return try await ScriptedAgent.silent(taken)
            }
            let push = await rig.admin(.post, "/tasks/agt_1/push")
            #expect(push.status == .badGateway && push.json?["status"] == "running", "\(push.text)")
        }
    }

    @Test("a token does not end before its task, wherever within a second that ends")
    func tokenLife() async throws {
        try await withAgent { rig, agent in
            rig.host.clock.advance(by: .milliseconds(300))
            _ = try await rig.pushed()
            let taken = try #require(agent.taken.first)
            let claims = try #require(try rig.host.plugin.gate.tokens.claims(of: taken.token))
            let end = try await rig.tasks.find("agt_1").expiresAt
            #expect(claims.expiresAt * 1000 >= end.milliseconds && claims.expiresAt * 1000 < end.milliseconds + 1000)
        }
    }

    @Test("who waits for a push that the daemon's end breaks off is told so, and the task stays")
    func brokenOff() async throws {
        try await withAgent { rig, agent in
            agent.does { _ in
                try await Task.sleep(for: .seconds(300))
                throw CancellationError()
            }
            async let made = rig.pushed()
            let (_, isPushed) = try await rig.host.clock.drive(atMost: .seconds(1000)) { agent.taken.count == 1 }
            #expect(isPushed)
            await rig.host.plugin.stop()
            let answer = try await made
            #expect(answer.status == .serviceUnavailable && answer.json?["taskId"] == "agt_1", "\(answer)")
            #expect(await rig.task()["status"] == "pending")
            #expect(await rig.admin(.post, "/tasks/agt_1/push").status == .serviceUnavailable)
            #expect(agent.taken.count == 1, "no push begins after the end")
        }
    }
}

/// Many tasks and slow agents.
@Suite("tasks are pushed again beside each other")
struct PushCrowdTests {
    @Test("an agent that keeps a push waiting holds up no other's")
    func slowAgent() async throws {
        try await withAgent(agent: ScriptedAgent(ScriptedAgent.busy)) { rig, agent in
            for name in ["slow", "quick"] {
                _ = try await rig.addAgent(name)
                let wish: JSON = ["agentId": .string(name), "manifestUrl": "http://m/1", "taskId": .string(name)]
                #expect(await rig.admin(.post, "/tasks", wish).status == .ok)
                rig.host.clock.advance(by: .seconds(5))
            }
            agent.does { taken in
                if taken.id == "slow" { try await Task.sleep(for: .seconds(300)) }
                return try await ScriptedAgent.accepting(taken)
            }
            let (_, isTaken) = try await rig.host.clock.drive(atMost: .seconds(60)) {
                await rig.task("quick")["status"] == "running"
            }
            #expect(isTaken && agent.taken.filter { $0.id == "slow" }.count == 2)
            await rig.host.plugin.stop()
        }
    }

    @Test("so many at once and no more, the rest as soon as there is room")
    func limit() async throws {
        let atOnce = Mutex((now: 0, most: 0))
        let gate = Gate()
        let all = TaskPusher.mostAtOnce + 6
        try await withAgent(agent: ScriptedAgent(ScriptedAgent.busy)) { rig, agent in
            _ = try await rig.addAgent()
            for index in 0..<all {
                let id = JSON.string("agt_\(index)")
                _ = await rig.admin(
                    .post, "/tasks", ["agentId": "comfyui-158", "manifestUrl": "http://m/1", "taskId": id])
            }
            agent.does { taken in
                atOnce.withLock { ($0.now, $0.most) = ($0.now + 1, max($0.most, $0.now + 1)) }
                await gate.pass()
                atOnce.withLock { $0.now -= 1 }
                return try await ScriptedAgent.accepting(taken)
            }
            rig.host.clock.advance(by: .seconds(40))
            let (_, isFull) = try await rig.host.clock.drive(atMost: .seconds(60)) {
                atOnce.withLock { $0.now } == TaskPusher.mostAtOnce
            }
            #expect(isFull)
            try await rig.host.clock.drive(for: .seconds(5))
            #expect(atOnce.withLock { $0.most } == TaskPusher.mostAtOnce)
            gate.open()
            let (_, isDone) = try await rig.host.clock.drive(atMost: .seconds(20)) {
                await rig.admin(.get, "/tasks?status=running&limit=200").json?.arrayValue?.count == all
            }
            #expect(isDone && atOnce.withLock { $0.most } == TaskPusher.mostAtOnce)
        }
    }

    @Test("a clock that is set back does not put off the next push")
    func clockSetBack() async throws {
        let directory = try TestDirectory()
        let agent = ScriptedAgent(ScriptedAgent.busy)
        try await withAgent(configuration: ["task_timeout": "6h"], agent: agent, directory: directory) { rig, _ in
            rig.host.clock.advance(by: .seconds(3600))
            _ = try await rig.pushed()
        }
        // The clock of a test begins at the same moment each time.
        try await withAgent(directory: directory) { rig, agent in
            let (_, isRunning) = try await rig.host.clock.drive(atMost: .seconds(40)) {
                await rig.task()["status"] == "running"
            }
            #expect(isRunning && agent.taken.count == 1)
        }
    }
}
