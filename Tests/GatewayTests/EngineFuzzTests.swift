import Host
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Gateway

/// Chance does what callers, workers, the disk and restarts can do; in the end the books must balance.
@Suite("The engine under chance")
struct EngineFuzzTests {
    private let values: JSONObject = [
        "queue_cache_ttl": 0.25, "max_in_flight": 1, "health_interval": "500ms", "worker_lost_after": "1s",
        "breaker_pause": "100ms", "worker_request_timeout": "1s",
    ]

    @Test("each acknowledged job ends once, and nothing is left of it in memory")
    func books() async throws {
        let seed = SeededRandom.chosenSeed
        let workers = ["http://a:1", "http://b:1", "http://c:1"].map { FakeComfy($0) }
        let database = try SQLiteDatabase.open(path: ":memory:")
        let ledger = Ledger()
        var random = SeededRandom(seed: seed)
        let settings =
            values
            .with("max_attempts", JSON([2, 100].randomElement(using: &random) ?? 2))
            .with("job_timeout", .string(["0", "300ms"].randomElement(using: &random) ?? "0"))
            .with("worker_stall_timeout", .string(["0", "200ms"].randomElement(using: &random) ?? "0"))
        for phase in 0..<3 {
            try await GatewayRig.run(workers, database: database, settings) { rig in
                var chance = Chance(SeededRandom(seed: seed &+ UInt64(phase)), rig, ledger)
                await chance.rage(steps: phase == 2 ? 300 : 60)
                // A restart would hide what is stuck in memory.
                if phase == 2 { try await check(rig, ledger, seed) }
                await rig.engine.journal.flush()
                ledger.end(rig.events.finished.withLock { $0.map(\.promptID) })
            }
        }
        // A settled copy that could not be removed from the disk is looked for once more after a restart.
        try await GatewayRig.run(workers, database: database, settings) { rig in
            try await eventually("seed \(seed): no copy is left on disk") {
                try await rig.engine.store.copies().isEmpty
            }
        }
        await database.close()
        #expect(
            ledger.published.values.allSatisfy { $0 == 1 }, "seed \(seed): \(ledger.published.filter { $0.value > 1 })")
    }

    /// Lets everything come to rest, and looks at the books.
    private func check(_ rig: GatewayRig, _ ledger: Ledger, _ seed: UInt64) async throws {
        for worker in rig.workers {
            Chance.heal(worker)
            _ = await rig.call(.post, "/api/workers", ["url": .string(worker.url)])
        }
        for member in rig.engine.pool.members {
            _ = await rig.call(.patch, "/api/workers/\(member.worker.id)", ["enabled": true])
        }
        let work = { @Sendable in
            for worker in rig.workers {
                worker.start()
                worker.finish()
            }
        }
        try await eventually("seed \(seed): all have ended") {
            work()
            return rig.engine.table.counts.values.allSatisfy { $0 == 0 }
        }
        #expect(rig.engine.waiting.count == 0, "seed \(seed)")
        try await eventually("seed \(seed): no place is kept") {
            rig.engine.handovers.load(ordering: .relaxed) == 0
                && rig.engine.pool.members.allSatisfy { $0.load.ours == 0 && $0.load.reserved == 0 }
        }
        try await eventually("seed \(seed): no copy is left") {
            work()
            return rig.engine.pool.everyMember.allSatisfy { !rig.engine.copies.areOn($0.worker.id) }
        }
        await rig.engine.journal.flush()
        for id in ledger.acknowledged {
            let job = try #require(try await rig.engine.find(id)?.job, "seed \(seed): \(id) is lost")
            let story = try await rig.engine.store.events(of: job.promptID, limit: 10_000)
            let ends = story.map(\.state).filter(\.isFinal)
            #expect(ends == [job.state], "seed \(seed): \(id) \(story.map(\.state))")
        }
    }
}

/// What callers were told.
private final class Ledger: Sendable {
    private let state = Mutex<(ids: Set<String>, ends: [String: Int])>(([], [:]))

    var acknowledged: Set<String> { state.withLock { $0.ids } }
    var published: [String: Int] { state.withLock { $0.ends } }

    func acknowledge(_ id: String) { state.withLock { _ = $0.ids.insert(id) } }
    func end(_ ids: [String]) { state.withLock { state in for id in ids { state.ends[id, default: 0] += 1 } } }
    func some(_ random: inout SeededRandom) -> String? { acknowledged.sorted().randomElement(using: &random) }
}

/// Does one thing after the other.
private struct Chance {
    private var random: SeededRandom
    private let rig: GatewayRig
    private let ledger: Ledger

    init(_ random: SeededRandom, _ rig: GatewayRig, _ ledger: Ledger) {
        (self.random, self.rig, self.ledger) = (random, rig, ledger)
    }

    static func heal(_ worker: FakeComfy) {
        worker.with { state in
            (state.isDown, state.isSilent, state.behaviour) = (false, false, .take)
        }
    }

    /// Does so many things at random, some at the same time.
    mutating func rage(steps: Int) async {
        let rig = self.rig
        await withDiscardingTaskGroup { group in
            for _ in 0..<steps {
                step(&group)
                work()
                try? await Task.sleep(for: .milliseconds(Int.random(in: 0...25, using: &random)))
            }
            rig.faults.isBroken = false
            rig.faults.writeDelay = .zero
        }
    }

    private mutating func step(_ group: inout DiscardingTaskGroup) {
        let (rig, ledger) = (self.rig, self.ledger)
        guard let worker = rig.workers.randomElement(using: &random) else { return }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<40:
            var extra: JSONObject = ["client_id": .string("c\(Int.random(in: 0..<4, using: &random))")]
            if Bool.random(using: &random) { extra["priority"] = JSON(Int.random(in: -1...2, using: &random)) }
            if Bool.random(using: &random) {
                extra["prompt_id"] = .string("p\(Int.random(in: 0..<60, using: &random))")
            }
            let body = extra
            group.addTask {
                let answer = await rig.submit(body)
                guard answer.status == .ok else { return }
                let id = answer.json["prompt_id"]?.stringValue ?? answer.json["gateway_job_id"]?.stringValue
                if let id { ledger.acknowledge(id) }
            }
        case 40..<52:
            guard let id = someJob() else { return }
            group.addTask { _ = await rig.call(.delete, "/api/task/\(id)") }
        case 52..<58:
            guard let id = someJob() else { return }
            let body: JSON = ["priority": JSON(Int.random(in: -1...2, using: &random)), "position": 1]
            group.addTask { _ = await rig.call(.patch, "/api/task/\(id)", body) }
        case 58..<64:
            worker.with { $0.isDown = true }
            if Bool.random(using: &random) { worker.restartEmpty() }
        case 64..<68: worker.with { $0.isSilent = true }
        case 68..<82: Self.heal(worker)
        case 82..<85: worker.restartEmpty()
        case 85..<87: change(worker, &group)
        case 87..<94:
            let behaviours: [FakeComfy.Behaviour] = [
                .take, .loseAnswer, .loseRequest, .takeAndFail, .die(taking: true), .die(taking: false),
                .refuseConnections, .takeLate(.milliseconds(100)),
                .answer(.badRequest, ["error": ["type": "t", "message": "no"], "node_errors": [:]]),
            ]
            let behaviour = behaviours.randomElement(using: &random) ?? .take
            worker.with { $0.behaviour = behaviour }
        case 94..<98: rig.faults.isBroken = true
        default: rig.faults.writeDelay = .milliseconds(Int.random(in: 0...60, using: &random))
        }
        if Int.random(in: 0..<6, using: &random) == 0 { rig.faults.isBroken = false }
    }

    /// A job that waits, or any other one.
    private mutating func someJob() -> String? {
        let waiting = rig.engine.waiting.list(limit: 3).map(\.promptID)
        return Bool.random(using: &random) ? waiting.randomElement(using: &random) : ledger.some(&random)
    }

    /// Switches a worker off or on, or deletes it and registers it anew.
    private mutating func change(_ worker: FakeComfy, _ group: inout DiscardingTaskGroup) {
        let rig = self.rig
        let choice = Int.random(in: 0..<4, using: &random)
        group.addTask {
            let known = rig.engine.pool.members.first { $0.worker.url == worker.url }?.worker.id
            switch (known, choice) {
            case (let id?, 0): _ = await rig.call(.patch, "/api/workers/\(id)", ["enabled": false])
            case (let id?, 1): _ = await rig.call(.delete, "/api/workers/\(id)")
            case (let id?, _): _ = await rig.call(.patch, "/api/workers/\(id)", ["enabled": true])
            case (nil, _): _ = await rig.call(.post, "/api/workers", ["url": .string(worker.url)])
            }
        }
    }

    /// Workers go on with what they have.
    private mutating func work() {
        for worker in rig.workers where worker.with({ !$0.isDown }) {
            if Bool.random(using: &random) { worker.finish(silently: Int.random(in: 0..<8, using: &random) == 0) }
            if worker.with({ $0.running.isEmpty }), Bool.random(using: &random) { worker.start() }
        }
    }
}
