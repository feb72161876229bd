import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// Tasks whose time is over (`spec/agents.md` §7).
@Suite struct ExpiryTests {
    private static let path = "/tasks/agt_20260205_0001"

    @Test("a task that nobody ended fails when its time is over", arguments: [false, true])
    func sweep(_ isRunning: Bool) async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask()
            if isRunning { _ = await rig.agent(.post, "\(Self.path)/events", token: token, ["message": "m"]) }
            _ = try await rig.tasks.tell(task.id, .notAccepted) { task, _ in task.nextPushAt = task.expiresAt }
            rig.host.clock.advance(by: .seconds(3599))
            try await TaskSweeper(tasks: rig.tasks, clock: rig.host.clock).sweep()
            #expect(try await rig.tasks.find(task.id).state == (isRunning ? .running : .pending))
            let driven = try await rig.host.clock.drive(atMost: .seconds(20)) {
                try await rig.tasks.find(task.id).state.isFinal
            }
            #expect(driven.isSo)
            let swept = try await rig.tasks.find(task.id)
            #expect(swept.state == .failed)
            #expect(swept.errorMessage == "AGENT_TASK_EXPIRED")
            #expect(swept.finishedAt != nil)
            #expect(swept.nextPushAt == nil)
            let events = await rig.admin(.get, "\(Self.path)/events").json?.arrayValue ?? []
            #expect(events.first?["level"] == "warn")
        }
    }

    @Test("many tasks are swept at once, and those that ended stay as they are")
    func manyTasks() async throws {
        try await withAgents { rig in
            let (done, token) = try await rig.oneTask()
            _ = await rig.agent(.post, "\(Self.path)/complete", token: token)
            for number in 0..<250 { _ = try await rig.addTask("task-\(number)") }
            let manual = ManualClock(wallClock: Timestamp(milliseconds: done.expiresAt.milliseconds))
            let store = TaskStore(database: rig.host.database, clock: manual)
            try await TaskSweeper(tasks: store, clock: manual).sweep()
            let failed = try await rig.tasks.list(agentID: nil, state: "failed", limit: 1000)
            #expect(failed.count == 250)
            #expect(try await rig.tasks.find(done.id).state == .success)
        }
    }

    @Test("a receipt that comes too late is refused, and kept for the administrator once", arguments: [false, true])
    func lateReceipt(_ tokenLivesOn: Bool) async throws {
        try await withAgents { rig in
            let (task, _) = try await rig.oneTask()
            let end = Timestamp(milliseconds: task.expiresAt.milliseconds + (tokenLivesOn ? 60_000 : 0))
            let token = try rig.token(of: task, until: end)
            rig.host.clock.advance(by: .seconds(3600))
            for _ in 0..<3 {
                let answer = await rig.agent(.post, "\(Self.path)/complete", token: token, ["summary": "all done"])
                rig.expect(answer, tokenLivesOn ? .taskExpired : .tokenExpired)
            }
            try await TaskSweeper(tasks: rig.tasks, clock: rig.host.clock).sweep()
            #expect(try await rig.tasks.find(task.id).state == .failed)
            let events = try await rig.tasks.events(of: task.id, limit: 10)
            let late = events.filter { $0.message == "a receipt came too late and was refused: complete" }
            #expect(late.count == 1)
            #expect(late.first?.level == "warn")
            #expect(late.first?.payload == ["summary": "all done"])
        }
    }

    @Test("what was taken in time is not told again when the agent repeats it too late")
    func lateRepeat() async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask()
            _ = await rig.agent(.post, "\(Self.path)/failed", token: token, ["message": "m"])
            rig.host.clock.advance(by: .seconds(3600))
            rig.expect(await rig.agent(.post, "\(Self.path)/failed", token: token, ["message": "m"]), .tokenExpired)
            #expect(try await rig.tasks.events(of: task.id, limit: 10).isEmpty)
        }
    }

    @Test("a late receipt leaves nothing when its token would not have counted in time")
    func lateAttack() async throws {
        try await withAgents(configuration: TokenForge.configuration) { rig in
            let (task, _) = try await rig.oneTask()
            _ = try await rig.addAgent("comfyui-159")
            rig.host.clock.advance(by: .seconds(3600))
            let past = rig.host.clock.wallClock.milliseconds / 1000 - 1
            for (claim, value) in [
                ("nonce", "0"), ("agent_id", "comfyui-159"), ("task_id", "other"), ("scope", "agent"),
            ] as [(String, JSON)] {
                var claims = TokenForge.claims(task, until: past)
                claims[claim] = value
                let answer = await rig.agent(
                    .post, "\(Self.path)/failed", token: TokenForge.token(.object(claims)), [:])
                rig.expect(answer, .tokenExpired)
            }
            try await TaskSweeper(tasks: rig.tasks, clock: rig.host.clock).sweep()
            let events = try await rig.tasks.events(of: task.id, limit: 10)
            #expect(events.map(\.message) == ["the time of the task is over"])
        }
    }
}
