import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Agents

/// What happens to tasks and agents when everybody speaks at once.
@Suite struct TaskRaceTests {
    private static let path = "/tasks/agt_20260205_0001"

    @Test("receipts, events, an administrator and the sweeper at once: one end, and numbers that only grow")
    func oneEnd() async throws {
        for _ in 0..<5 {
            try await withAgents { rig in
                let (task, token) = try await rig.oneTask()
                let late = ManualClock(wallClock: task.expiresAt)
                let sweeper = TaskSweeper(tasks: TaskStore(database: rig.host.database, clock: late), clock: late)
                let ends = Mutex<Set<String>>([])
                let note = { @Sendable (answer: TestResponse) in
                    guard answer.status == .ok, let state = answer.json?["status"]?.stringValue else { return }
                    _ = ends.withLock { $0.insert(state) }
                }
                let numbers = try await withThrowingTaskGroup(of: [Int].self) { group in
                    for lane in 0..<10 {
                        group.addTask {
                            var mine: [Int] = []
                            for _ in 0..<5 {
                                let answer = await rig.agent(
                                    .post, "\(Self.path)/events", token: token, ["message": .string("\(lane)")])
                                // A cancelled task takes none.
                                if let id = answer.json?["id"]?.intValue { mine.append(id) }
                            }
                            return mine
                        }
                        group.addTask {
                            note(await rig.agent(.post, "\(Self.path)/complete", token: token, ["summary": "s"]))
                            note(await rig.agent(.post, "\(Self.path)/failed", token: token, ["message": "f"]))
                            return []
                        }
                    }
                    group.addTask {
                        note(await rig.admin(.post, "\(Self.path)/cancel"))
                        return []
                    }
                    group.addTask {
                        try await sweeper.sweep()
                        return []
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                let stored = try await rig.tasks.find(task.id)
                #expect(stored.state.isFinal)
                #expect(ends.withLock { $0 }.isSubset(of: [stored.state.rawValue]))
                for mine in numbers { #expect(mine == mine.sorted() && Set(mine).count == mine.count) }
                let events = try await rig.tasks.events(of: task.id, limit: 1000).map { Int($0.id) }
                #expect(Set(numbers.joined()).isSubset(of: events))
            }
        }
    }

    @Test("the same wish many times at once makes one task and one push")
    func sameWish() async throws {
        try await withAgent { rig, agent in
            _ = try await rig.addAgent()
            let answers = await withTaskGroup(of: TestResponse.self) { group in
                for _ in 0..<20 { group.addTask { await rig.admin(.post, "/tasks", AgentsRig.wish) } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            let nonces = Set(answers.map { $0.json?["tokenNonce"]?.stringValue })
            #expect(answers.allSatisfy { $0.status == .ok } && nonces.count == 1)
            #expect(await rig.admin(.get, "/tasks").json?.arrayValue?.count == 1)
            #expect(agent.taken.count == 1)
        }
    }

    @Test("an agent that is added, changed and deleted at once is in memory as it is on disk")
    func agentsInMemory() async throws {
        try await withAgents { rig in
            for round in 0..<30 {
                let id = "agent-\(round)"
                let body: JSON = ["id": .string(id)]
                await withTaskGroup(of: Void.self) { group in
                    for turn in 0..<12 {
                        group.addTask {
                            switch turn % 3 {
                            case 0: _ = await rig.admin(.post, "/agents", body)
                            case 1: _ = await rig.admin(.delete, "/agents/\(id)")
                            default: _ = await rig.admin(.put, "/agents/\(id)", ["name": .string("\(turn)")])
                            }
                        }
                    }
                }
                let stored = try await rig.host.plugin.agents.all().first { $0.id == id }
                let known = rig.host.plugin.roster[id]
                #expect(stored?.decision == known?.decision, "round \(round)")
            }
        }
    }

    @Test("what a deleted agent reported is not written to one that is added under its id meanwhile")
    func lateSave() async throws {
        try await withAgents { rig in
            let token = try await rig.addAgent()
            _ = await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token, ["cpu": 1])
            let unsaved = rig.host.plugin.roster.takeUnsaved(10)
            #expect(unsaved.count == 1)
            rig.host.clock.advance(by: .milliseconds(5))
            _ = await rig.admin(.delete, "/agents/comfyui-158")
            _ = try await rig.addAgent()
            try await rig.host.plugin.agents.save(unsaved)
            let stored = try #require(try await rig.host.plugin.agents.all().first)
            #expect(stored.report == AgentRecord.Report())
        }
    }

    @Test("a receipt that comes too late for a deleted task is not kept for one that is made under its id later")
    func lateForDeleted() async throws {
        try await withAgents { rig in
            let (task, _) = try await rig.oneTask()
            let reports = TaskReports(tasks: rig.tasks, roster: rig.host.plugin.roster, clock: rig.host.clock)
            _ = await rig.admin(.delete, "/agents/comfyui-158")
            try await reports.keepLate(Receipt([:], .complete), of: task)
            #expect(try await rig.tasks.events(of: task.id, limit: 10).isEmpty)
            _ = try await rig.oneTask()
            try await reports.keepLate(Receipt([:], .complete), of: task)
            #expect(try await rig.tasks.events(of: task.id, limit: 10).isEmpty)
        }
    }

    @Test("a stop writes the heartbeats of its last moment")
    func stop() async throws {
        let directory = try TestDirectory()
        try await withAgents(directory: directory) { rig in
            let token = try await rig.addAgent()
            _ = await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token, ["agent_version": "1.2.0"])
        }
        try await withAgents(directory: directory) { rig in
            let agent = await rig.admin(.get, "/agents/comfyui-158").json
            #expect(agent?["config"] == ["agent_version": "1.2.0"])
        }
    }

    @Test("what the disk has no room for is not acknowledged, and leaves no trace")
    func fullDisk() async throws {
        try await withAgents { rig in
            let (task, _) = try await rig.oneTask()
            let full = FullDatabase(base: rig.host.database)
            let plugin = rig.host.plugin
            let reports = TaskReports(
                tasks: TaskStore(database: full, clock: rig.host.clock), roster: plugin.roster, clock: rig.host.clock)
            await #expect(throws: DatabaseError.self) {
                _ = try await reports.take(EventForm(BodyForm(["message": "m"])), of: task)
            }
            await #expect(throws: DatabaseError.self) { _ = try await reports.take(Receipt([:], .complete), of: task) }
            #expect(try await rig.tasks.find(task.id).state == .pending)
            #expect(try await rig.tasks.events(of: task.id, limit: 10).isEmpty)

            // Heartbeats wait for room.
            let beat = await rig.admin(.post, "/agents/comfyui-158/token").json?["token"]?.stringValue
            _ = await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: beat, ["cpu": 1])
            let writer = HeartbeatWriter(store: AgentStore(database: full), roster: plugin.roster)
            await #expect(throws: DatabaseError.self) { try await writer.save() }
            try await plugin.writer.save()
            #expect(try await plugin.agents.all().first?.report.metrics == ["cpu": 1])
        }
    }

    @Test("pushes that are due are not tried each second while the disk is full, and one line says it")
    func fullDiskWhenDue() async throws {
        try await withAgents { rig in
            let full = FullDatabase(base: rig.host.database)
            let plugin = rig.host.plugin
            let (task, _) = try await rig.oneTask()
            let pusher = TaskPusher(
                tasks: TaskStore(database: full, clock: rig.host.clock), roster: plugin.roster,
                tokens: plugin.gate.tokens, configuration: plugin.configuration, context: rig.host.context)
            let isDue = { @Sendable in
                let now = rig.host.clock.wallClock
                _ = try await rig.tasks.tell(task.id, .notAccepted) { task, _ in task.nextPushAt = now }
            }
            try await isDue()
            for _ in 0..<3 { await pusher.pushAgain(task.id) }
            #expect(rig.host.logs.lines("a task cannot be pushed again").count == 1)
            let reads = full.reads
            try await pusher.pushDue()
            #expect(full.reads == reads)
            rig.host.clock.advance(by: TaskPusher.rest)
            try await pusher.pushDue()
            #expect(full.reads > reads, "it goes on by itself")
        }
    }
}

/// A database whose transactions fail when they should be committed.
private final class FullDatabase: Database {
    private let base: any Database
    private let count = Mutex(0)

    init(base: any Database) {
        self.base = base
    }

    /// How often was read so far.
    var reads: Int { count.withLock { $0 } }

    var dialect: SQLDialect { base.dialect }

    func read<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T {
        count.withLock { $0 += 1 }
        return try await base.read(body)
    }

    func write<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T {
        try await base.write { connection -> T in
            _ = try body(connection)
            throw DatabaseError(.full, "full by the test")
        }
    }
}
