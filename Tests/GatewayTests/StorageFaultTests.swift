import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("Jobs survive a database that fails for a while")
struct StorageFaultTests {
    @Test("a waiting job that could not be assigned is handed over once the disk is fine again")
    func assignment() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try #require(await rig.submit().json["prompt_id"]?.stringValue)
            try await eventually("noted") { try await rig.engine.store.job(id)?.job.state == .submitted }
            rig.faults.isBroken = true
            worker.restartEmpty()
            try await eventually("waits") { rig.engine.table[id]?.job.state == .queued }
            try await Task.sleep(for: .milliseconds(100))
            rig.faults.isBroken = false
            try await eventually("sent again") { worker.submitted == [id, id] }
            try await eventually("no reservation is left") {
                rig.engine.pool.members.first?.load.reserved == 0
            }
            worker.start()
            worker.finish()
            try await rig.wait(id, for: "done")
        }
    }

    @Test("a job that was refused while its end could not be stored ends later")
    func refusal() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try #require(await rig.submit().json["prompt_id"]?.stringValue)
            try await eventually("noted") { try await rig.engine.store.job(id)?.job.state == .submitted }
            worker.with { state in
                state.behaviour = .answer(.badRequest, ["error": ["type": "t", "message": "no"], "node_errors": [:]])
                state.onSubmit = { rig.faults.isBroken = true }
            }
            worker.restartEmpty()
            try await eventually("refused") { rig.faults.isBroken }
            try await Task.sleep(for: .milliseconds(100))
            worker.with { $0.onSubmit = nil }
            rig.faults.isBroken = false
            try await rig.wait(id, for: "failed")
        }
    }

    @Test("a job that has ended cannot be taken back")
    func takenBack() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try #require(await rig.submit().json["prompt_id"]?.stringValue)
            worker.start()
            worker.finish()
            try await rig.wait(id, for: "done")
            #expect(try await rig.engine.store.withdraw(id) == false)
            #expect(await rig.call(.get, "/api/history/\(id)").json[id] != nil)
        }
    }

    @Test("a waiting job whose cancellation could not be stored is handed over, also if its turn came meanwhile")
    func cancellation() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.isDown = true }
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            #expect(await rig.submit(["prompt_id": "x", "priority": 1]).status == .ok)
            try await eventually("known") { !rig.engine.pool.isUsable }
            rig.faults.writeDelay = .seconds(3)
            async let cancelled = rig.call(.delete, "/api/task/x")
            try await eventually("the write waits") { rig.faults.waiting == 1 }
            worker.with { $0.isDown = false }
            try await eventually("its turn came") { rig.engine.waiting.count == 0 }
            rig.faults.isBroken = true
            #expect(await cancelled.status == .serviceUnavailable)
            (rig.faults.writeDelay, rig.faults.isBroken) = (.zero, false)
            try await eventually("sent") { worker.submitted == ["x"] }
        }
    }

    @Test("an order that could not be stored is not kept in memory either")
    func order() async throws {
        try await GatewayRig.run([]) { rig in
            for id in ["a", "b", "c"] {
                _ = await rig.submit(["prompt_id": .string(id), "priority": 1, "client_id": "x"])
            }
            rig.faults.isBroken = true
            for body: JSON in [["position": 1], ["priority": 9], ["priority": 0, "position": 1]] {
                #expect(await rig.call(.patch, "/api/task/c", body).status.code >= 500)
                #expect(rig.engine.waiting.list().map(\.promptID) == ["a", "b", "c"])
                #expect(rig.engine.waiting.list().map(\.priority) == [1, 1, 1])
                #expect(rig.engine.table["c"]?.job.priority == 1)
            }
            rig.faults.isBroken = false
            #expect(await rig.call(.patch, "/api/task/c", ["position": 1]).status == .ok)
            #expect(rig.engine.waiting.list().map(\.promptID) == ["c", "a", "b"])
            #expect(rig.engine.table["c"].map { WaitingEntry($0.job) } == rig.engine.waiting.entry("c"))
        }
    }

    @Test("a refused job that could not be removed is not forgotten: who repeats it gets a job that ends")
    func withdrawal() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            worker.with { state in
                state.behaviour = .answer(.badRequest, ["error": ["type": "t", "message": "no"], "node_errors": [:]])
                state.onSubmit = { rig.faults.isBroken = true }
            }
            #expect(await rig.submit(["prompt_id": "x"]).status == .badRequest)
            worker.with { state in (state.onSubmit, state.behaviour) = (nil, .take) }
            rig.faults.isBroken = false
            #expect(await rig.submit(["prompt_id": "x"]).status == .ok)
            try await eventually("sent") { worker.submitted == ["x"] }
            worker.start()
            worker.finish()
            try await rig.wait("x", for: "done")
        }
    }

    @Test("an assignment takes the times of the one before it from the disk")
    func times() async throws {
        try await GatewayRig.run([]) { rig in
            var job = Job(
                promptID: "x", caller: "", state: .dispatching, nodeCount: 2, fingerprint: "f",
                createdAt: Timestamp(milliseconds: 2))
            try await rig.engine.store.insert(job, submission: [], events: [])
            (job.state, job.workerID) = (.running, "a")
            (job.submittedAt, job.startedAt) = (Timestamp(milliseconds: 3), Timestamp(milliseconds: 4))
            try await rig.engine.store.apply([JobTransition(job: job, time: Timestamp(milliseconds: 4), events: [])])
            #expect(try await rig.stored("x")?.startedAt == job.startedAt)
            (job.state, job.workerID, job.revision) = (.dispatching, "b", 1)
            #expect(
                try await rig.engine.store.assign(
                    job, after: 0, events: [], copies: [], at: Timestamp(milliseconds: 5)))
            #expect(try await rig.stored("x")?.startedAt == nil)
            #expect(try await rig.stored("x")?.submittedAt == nil)
        }
    }
}
