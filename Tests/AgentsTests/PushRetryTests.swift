import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// `spec/agents.md` §5: a busy agent is asked again until the task's time is over.
@Suite("pushes are tried again")
struct PushRetryTests {
    @Test("a busy agent is no error, and gets the task after 30 s, 60 s, and so on up to 5 min")
    func busy() async throws {
        try await withAgent(agent: ScriptedAgent(ScriptedAgent.busy)) { rig, agent in
            let made = try await rig.pushed()
            #expect(made.status == .ok && made.json?["status"] == "pending")
            #expect(made.json?["errorMessage"] == "AGENT_BUSY")
            for (count, seconds) in [(2, 30), (3, 60), (4, 120), (5, 240), (6, 300)] {
                rig.host.clock.advance(by: .seconds(seconds - 2))
                #expect(agent.taken.count == count - 1)
                let (moved, isSo) = try await rig.host.clock.drive(atMost: .seconds(10)) {
                    try await rig.host.plugin.tasks.find("agt_1").failedPushes == count
                }
                #expect(isSo && agent.taken.count == count, "push \(count)")
                #expect(moved >= .seconds(1) && moved <= .seconds(6), "push \(count): \(moved)")
            }
            agent.does(ScriptedAgent.accepting)
            rig.host.clock.advance(by: .seconds(300))
            let taken = try await rig.host.clock.drive(atMost: .seconds(10)) { await rig.task()["status"] == "running" }
            #expect(taken.isSo)
            #expect(await rig.task()["errorMessage"] == .null)
            #expect(try await rig.host.plugin.tasks.find("agt_1").nextPushAt == nil)
        }
    }

    @Test("an agent that has finished a task gets the one that waits longest, and not in five minutes")
    func next() async throws {
        try await withAgent { rig, agent in
            _ = try await rig.pushed()
            agent.does(ScriptedAgent.busy)
            for id in ["agt_2", "agt_3"] {
                rig.host.clock.advance(by: .seconds(1))
                var wish = AgentsRig.wish.objectValue ?? [:]
                wish["taskId"] = .string(id)
                #expect(await rig.admin(.post, "/tasks", .object(wish)).json?["errorMessage"] == "AGENT_BUSY")
            }
            rig.host.clock.advance(by: .seconds(200))
            let isLate = try await rig.host.clock.drive(atMost: .seconds(10)) {
                let (second, third) = (try await rig.tasks.find("agt_2"), try await rig.tasks.find("agt_3"))
                return second.failedPushes == 2 && third.failedPushes == 2
            }
            #expect(isLate.isSo)
            agent.does(ScriptedAgent.accepting)
            try await rig.report("agt_1", .completed)
            let (moved, isNext) = try await rig.host.clock.drive(atMost: .seconds(10)) {
                await rig.task("agt_2")["status"] == "running"
            }
            #expect(isNext && moved >= .seconds(1) && moved <= .seconds(5), "\(moved)")
            #expect(await rig.task("agt_3")["status"] == "pending")
            try await rig.report("agt_2", .failed)
            let last = try await rig.host.clock.drive(atMost: .seconds(10)) {
                await rig.task("agt_3")["status"] == "running"
            }
            #expect(last.isSo)
        }
    }

    @Test("POST /push answers 200 with the agent's 409, and leaves a running task")
    func busyByHand() async throws {
        try await withAgent { rig, agent in
            _ = try await rig.pushed()
            agent.does(ScriptedAgent.busy)
            let push = await rig.admin(.post, "/tasks/agt_1/push")
            #expect(push.status == .ok && push.json?["pushStatus"] == 409 && push.json?["status"] == "running")
            let task = try await rig.host.plugin.tasks.find("agt_1")
            #expect(task.errorMessage == nil && task.nextPushAt == nil)
        }
    }

    @Test(
        "what is tried again is a setting",
        arguments: [
            ("never", [false, false, false]), ("busy", [true, false, false]), ("failed", [true, true, true]),
        ])
    func setting(_ word: String, _ isRepeated: [Bool]) async throws {
        try await withAgent(configuration: ["push_retry": .string(word)]) { rig, agent in
            _ = try await rig.addAgent()
            let all = [ScriptedAgent.busy, ScriptedAgent.off, ScriptedAgent.status(503)]
            for (index, work) in all.enumerated() {
                agent.does(work)
                let id = "agt_\(index)"
                _ = await rig.admin(
                    .post, "/tasks", ["agentId": "comfyui-158", "manifestUrl": "http://m/1", "taskId": .string(id)])
                let next = try await rig.host.plugin.tasks.find(id).nextPushAt
                #expect((next != nil) == isRepeated[index], "\(id)")
            }
        }
    }

    @Test("nothing is tried again when the task would be over by then")
    func expiry() async throws {
        try await withAgent(configuration: ["task_timeout": "29s"], agent: ScriptedAgent(ScriptedAgent.busy)) {
            rig, _ in
            _ = try await rig.pushed()
            #expect(try await rig.host.plugin.tasks.find("agt_1").nextPushAt == nil)
        }
    }

    @Test("a task that moved meanwhile is left alone", arguments: [TaskState.Happening.reported, .cancelled, .expired])
    func moved(_ happening: TaskState.Happening) async throws {
        try await withAgent(agent: ScriptedAgent(ScriptedAgent.busy)) { rig, _ in
            _ = try await rig.pushed()
            #expect(try await rig.host.plugin.tasks.find("agt_1").nextPushAt != nil)
            _ = try await rig.tasks.tell("agt_1", happening)
            #expect(try await rig.host.plugin.tasks.find("agt_1").nextPushAt == nil)
        }
    }

    @Test("an agent that is disabled meanwhile is asked again once it is allowed")
    func disabled() async throws {
        try await withAgent(agent: ScriptedAgent(ScriptedAgent.busy)) { rig, agent in
            _ = try await rig.pushed()
            _ = await rig.admin(.put, "/agents/comfyui-158", ["status": "disabled"])
            agent.does(ScriptedAgent.accepting)
            let (_, isNoted) = try await rig.host.clock.drive(atMost: .seconds(40)) {
                await rig.task()["errorMessage"] == "AGENT_NOT_ALLOWED"
            }
            #expect(isNoted && agent.taken.count == 1)
            _ = await rig.admin(.put, "/agents/comfyui-158", ["status": "active"])
            let (_, isRunning) = try await rig.host.clock.drive(atMost: .seconds(70)) {
                await rig.task()["status"] == "running"
            }
            #expect(isRunning && agent.taken.count == 2)
        }
    }

    @Test("a daemon that dies before the next push makes it after its start")
    func restart() async throws {
        let directory = try TestDirectory()
        try await withAgent(agent: ScriptedAgent(ScriptedAgent.busy), directory: directory) { rig, _ in
            _ = try await rig.pushed()
            await rig.host.kill()
        }
        try await withAgent(directory: directory) { rig, agent in
            let (_, isRunning) = try await rig.host.clock.drive(atMost: .seconds(40)) {
                await rig.task()["status"] == "running"
            }
            #expect(isRunning && agent.taken.count == 1)
        }
    }

    @Test("a stop waits for no agent, and a push that it ends comes again after the start", .timeLimit(.minutes(1)))
    func stop() async throws {
        let directory = try TestDirectory()
        let agent = ScriptedAgent(ScriptedAgent.busy)
        try await withAgent(agent: agent, directory: directory) { rig, _ in
            _ = try await rig.pushed()
            agent.does { _ in
                try await Task.sleep(for: .seconds(300))
                throw CancellationError()
            }
            let (_, isPushed) = try await rig.host.clock.drive(atMost: .seconds(40)) { agent.taken.count == 2 }
            #expect(isPushed)
            await rig.host.stop(deadline: .seconds(300))
        }
        try await withAgent(directory: directory) { rig, agent in
            let task = try await rig.host.plugin.tasks.find("agt_1")
            #expect(task.state == .pending && task.nextPushAt != nil)
            rig.host.clock.advance(by: .seconds(80))
            let (_, isRunning) = try await rig.host.clock.drive(atMost: .seconds(5)) {
                await rig.task()["status"] == "running"
            }
            #expect(isRunning && agent.taken.count == 1)
        }
    }

    @Test("where nothing is tried again any more, nothing is that was to be")
    func switchedOff() async throws {
        let directory = try TestDirectory()
        try await withAgent(agent: ScriptedAgent(ScriptedAgent.busy), directory: directory) { rig, _ in
            _ = try await rig.pushed()
        }
        try await withAgent(configuration: ["push_retry": "never"], directory: directory) { rig, agent in
            try await rig.host.clock.drive(for: .seconds(60))
            #expect(agent.taken.isEmpty)
            #expect(await rig.admin(.post, "/tasks/agt_1/push").json?["status"] == "running")
        }
    }

    @Test("where all that failed are tried again, so is a first push that the daemon's end broke off")
    func firstBrokenOff() async throws {
        let directory = try TestDirectory()
        let retry: JSON = ["push_retry": "failed"]
        try await withAgent(configuration: retry, directory: directory) { rig, agent in
            agent.does { _ in
                try await Task.sleep(for: .seconds(300))
                throw CancellationError()
            }
            async let made = rig.pushed()
            let (_, isPushed) = try await rig.host.clock.drive(atMost: .seconds(100)) { agent.taken.count == 1 }
            await rig.host.plugin.stop()
            #expect(try await made.status == .serviceUnavailable && isPushed)
        }
        try await withAgent(configuration: retry, directory: directory) { rig, agent in
            let (_, isRunning) = try await rig.host.clock.drive(atMost: .seconds(140)) {
                await rig.task()["status"] == "running"
            }
            #expect(isRunning && agent.taken.count == 1)
        }
    }

    @Test("each wait doubles, up to five minutes, and ends with the task")
    func waits() {
        let start = Timestamp(milliseconds: 0)
        let end = Timestamp(milliseconds: 1_000_000)
        let waits = [-1, 0, 1, 2, 3, 4, 5, 60, .max].map {
            PushRetry.next(after: $0, now: start, expiresAt: end)?.milliseconds
        }
        #expect(waits == [30_000, 30_000, 30_000, 60_000, 120_000, 240_000, 300_000, 300_000, 300_000])
        #expect(PushRetry.next(after: 1, now: start, expiresAt: Timestamp(milliseconds: 30_000)) == nil)
    }
}
