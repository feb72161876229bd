import Host
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Gateway

@Suite("The queue is cleared")
struct ClearTests {
    private let fast: JSONObject = ["queue_cache_ttl": 0.25, "max_in_flight": 3]

    /// One running, two with the worker, two here, the second of each another caller's; and one of somebody else.
    private func fill(_ rig: GatewayRig, _ worker: FakeComfy) async throws {
        try await rig.connected()
        for (id, client) in [("a", "me"), ("b", "me"), ("c", "you"), ("d", "me"), ("e", "you")] {
            #expect(
                await rig.submit(["prompt_id": .string(id), "client_id": .string(client), "priority": 1]).status == .ok)
            if id < "d" { try await eventually("taken") { worker.with { $0.pending.last?[1] } == .string(id) } }
        }
        worker.start()
        try await rig.wait("a", for: "running")
        worker.with { $0.pending.append([9, "foreign", [:], ["client_id": "theirs"], []]) }
    }

    private func state(_ rig: GatewayRig, _ id: String) async throws -> JobState? {
        try await rig.engine.find(id)?.job.state
    }

    @Test("all that waits ends as cancelled, here and at the worker, with those of others; what runs goes on")
    func everything() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await fill(rig, worker)
            let results = try await GatewayBackend(engine: rig.engine).clearQueue(of: nil, by: "admin")
            #expect(results.map { $0.server?.url } == [nil, "http://a:1"])
            #expect(results.map(\.removed) == [2, 3] && results.allSatisfy { $0.problem == nil })
            #expect(worker.with { $0.pending.isEmpty && $0.running.count == 1 })
            for id in ["b", "c", "d", "e"] {
                let stored = try #require(try await rig.stored(id))
                #expect(stored.state == .cancelled && stored.finishedAt != nil, "\(id)")
                let last = try #require(try await rig.engine.store.events(of: id, limit: 9).last)
                #expect(last.state == .cancelled && last.cause.actor == "admin")
                #expect(try await rig.engine.store.submission(id) == nil)
            }
            #expect(rig.engine.waiting.count == 0 && rig.engine.copies.on(rig.engine.pool.members[0].worker.id).isEmpty)
            #expect(rig.events.finished.withLock { $0.count } == 4)
            worker.finish()
            try await rig.wait("a", for: "done")
        }
    }

    @Test("of one caller only: other people's prompts stay where they are")
    func oneCaller() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await fill(rig, worker)
            let results = try await GatewayBackend(engine: rig.engine).clearQueue(of: "client:me", by: "client:me")
            #expect(results.map(\.removed) == [1, 1])
            #expect(worker.with { $0.pending.compactMap { $0[1]?.stringValue }.contains("foreign") })
            for id in ["b", "d"] { #expect(try await state(rig, id) == .cancelled) }
            #expect(try await state(rig, "a") == .running)
            #expect(try await state(rig, "c") == .submitted)
            #expect(try await state(rig, "e")?.isFinal == false)
        }
    }

    @Test("a worker that cannot be told is named; its jobs end and are removed there when it is back")
    func unreachable() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await fill(rig, worker)
            worker.with { $0.isDown = true }
            let results = try await GatewayBackend(engine: rig.engine).clearQueue(of: nil, by: "admin")
            #expect(results.map(\.removed) == [2, 2])
            #expect(results.last?.problem?.contains("told") == true)
            #expect(try await rig.stored("b")?.state == .cancelled)
            worker.with { $0.isDown = false }
            try await eventually("removed there") {
                worker.with { $0.pending.compactMap { $0[1]?.stringValue } } == ["foreign"]
            }
        }
    }

    @Test("one that began while the queue was cleared is not cancelled, and one that ended keeps its result")
    func race() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], ["queue_cache_ttl": 3600, "max_in_flight": 3]) { rig in
            try await fill(rig, worker)
            worker.with { state in
                state.onDelete = {
                    // Between the look and the removal: a and b end, c begins.
                    worker.finish(silently: true)
                    worker.with { state in state.running = [state.pending.removeFirst()] }
                    worker.finish(silently: true)
                    worker.with { state in state.running = [state.pending.removeFirst()] }
                }
            }
            let results = try await GatewayBackend(engine: rig.engine).clearQueue(of: nil, by: "admin")
            #expect(results.last?.removed == 1 && results.last?.problem == nil)
            #expect(try await rig.stored("b")?.state == .done)
            #expect(try await state(rig, "c")?.isFinal == false)
        }
    }

    @Test("what cannot be stored is not cancelled, and is told")
    func broken() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await fill(rig, worker)
            rig.faults.isBroken = true
            await #expect(throws: HTTPError.self) {
                try await GatewayBackend(engine: rig.engine).clearQueue(of: nil, by: "admin")
            }
            rig.faults.isBroken = false
            #expect(try await state(rig, "d") == .queued && rig.engine.waiting.count == 2)
            worker.with { $0.pending = [] }
            #expect(try await GatewayBackend(engine: rig.engine).clearQueue(of: nil, by: "admin").first?.removed == 2)
        }
    }

    @Test("fifty thousand waiting jobs are cleared in seconds")
    func many() async throws {
        let values: JSONObject = ["queue_limit": 100_000, "workers": []]
        try await GatewayRig.run([], values) { rig in
            let engine = rig.engine
            let count = 50_000
            try await rig.database.write { connection in
                for number in 0..<count {
                    try connection.execute(
                        """
                        INSERT INTO gateway_jobs (prompt_id, client_id, caller, sequence, state, attempts, revision,
                            node_count, fingerprint, created_at, updated_at)
                        VALUES (\("j\(number)"), 'me', 'client:me', \(number), 'queued', 0, 0, 1, 'f', 0, 0)
                        """)
                }
            }
            try await engine.load()
            #expect(engine.waiting.count == count)
            let began = ContinuousClock.now
            let results = try await GatewayBackend(engine: engine).clearQueue(of: nil, by: "admin")
            #expect(results.first?.removed == count && engine.waiting.count == 0)
            #expect(began.duration(to: .now) < .seconds(30))
        }
    }
}
