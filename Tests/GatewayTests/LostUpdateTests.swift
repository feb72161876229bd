import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("Two things that happen to a job at the same time")
struct LostUpdateTests {
    @Test("a job that ends while a worker takes it does not stay there")
    func endedWhileSent() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.behaviour = .takeLate(.milliseconds(300)) }
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            async let submitted = rig.submit(["prompt_id": "x"])
            try await eventually("being sent") {
                worker.with { $0.requests.contains { $0.url.hasSuffix("/prompt") } }
            }
            #expect(await rig.engine.finish("x", .failed, .gateway("for the test")))
            _ = await submitted
            #expect(worker.submitted == ["x"])
            try await eventually("removed") { worker.count == 0 }
            try await eventually("forgotten") { try await rig.engine.store.copies().isEmpty }
            #expect(await rig.status("x") == "failed")
        }
    }

    @Test("a job that goes to another worker while its end is written does not stay there")
    func movedWhileEnding() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run([first, second], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            let other = first.submitted.isEmpty ? first : second
            try await eventually("noted") { try await rig.stored(id)?.state == .submitted }
            rig.faults.writeDelay = .milliseconds(500)
            let ending = Task { await rig.engine.finish(id, .failed, .gateway("for the test")) }
            try await eventually("the write waits") { rig.faults.waiting == 1 }
            rig.faults.writeDelay = .zero
            #expect(rig.engine.requeue(id, .gateway("for the test")))
            try await eventually("it is taken") { other.submitted == [id] }
            #expect(await ending.value)
            try await eventually("removed") { other.count == 0 }
            #expect(await rig.status(id) == "failed")
            #expect(rig.engine.table[id] == nil)
        }
    }

    @Test("a job whose interrupted worker dies is cancelled, and not executed again")
    func cancelledAndLost() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            worker.start()
            try await rig.wait(id, for: "running")
            #expect(try await rig.engine.cancel(id, by: "somebody"))
            worker.restartEmpty()
            try await rig.wait(id, for: "failed")
            #expect(try await rig.stored(id)?.state == .cancelled)
            #expect(try await rig.engine.store.events(of: id, limit: 100).last?.cause.actor == "somebody")
            #expect(worker.submitted == [id])
        }
    }

    @Test("a job that has had all its attempts ends, also when that could not be stored at first")
    func lastAttempt() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { state in state.behaviour = .loseRequest }
        try await GatewayRig.run([worker], GatewayRig.fast.with("max_attempts", 1)) { rig in
            try await rig.connected()
            worker.with { state in state.onSubmit = { rig.faults.isBroken = true } }
            #expect(await rig.submit(["prompt_id": "x", "priority": 1]).status == .ok)
            try await eventually("tried") { rig.faults.isBroken }
            try await eventually("waits") { rig.engine.table["x"]?.job.state == .queued }
            try await Task.sleep(for: .milliseconds(1500))
            rig.faults.isBroken = false
            try await eventually("ended") { try await rig.stored("x")?.state == .lost }
        }
    }

    @Test("a job of a worker that is not known any more waits for another one after a restart")
    func unknownWorker() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run(
            [worker], GatewayRig.fast,
            prepare: { database in
                var job = Job(
                    promptID: "x", caller: "", state: .running, nodeCount: 2, fingerprint: "f",
                    createdAt: Timestamp(milliseconds: 2))
                (job.workerID, job.attempts, job.revision) = ("nobody", 1, 1)
                let body = JSON.object(["prompt": GatewayRig.workflow]).serialized()
                try await JobStore(database: database).insert(job, submission: body, events: [])
                try await database.write { connection in
                    _ = try connection.execute(
                        "UPDATE gateway_jobs SET state = 'running', worker_id = 'nobody' WHERE prompt_id = 'x'")
                }
            }
        ) { rig in
            try await eventually("sent") { worker.submitted == ["x"] }
            worker.start()
            worker.finish()
            try await rig.wait("x", for: "done")
        }
    }

    @Test("an old copy under the worker's own id is found there, and the job is not sent a second time")
    func ownID() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.ignoresIDs = true }
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            try await eventually("noted") { rig.engine.table[id]?.job.workerPromptID == "own-0" }
            let copy = rig.engine.table[id].flatMap { JobCopy($0.job) }
            #expect(rig.engine.requeue(id, .gateway("for the test"), copy: copy))
            try await eventually("it has it again") { rig.engine.table[id]?.job.state == .submitted }
            #expect(worker.count == 1)
            #expect(rig.engine.table[id]?.job.workerPromptID == "own-0")
            worker.start()
            worker.finish()
            try await rig.wait(id, for: "done")
        }
    }

    @Test("an old copy that we interrupted is not the job's end when it comes back to that worker")
    func interruptedCopy() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            try await eventually("noted") { try await rig.stored(id)?.state == .submitted }
            let copy = rig.engine.table[id].flatMap { JobCopy($0.job) }
            worker.with { $0.pending = [] }
            worker.noteInterrupted(id)
            #expect(rig.engine.requeue(id, .gateway("for the test"), copy: copy))
            try await eventually("it has it again") { worker.submitted == [id, id] }
            worker.start()
            worker.finish()
            try await rig.wait(id, for: "done")
        }
    }

    @Test("a job that is back where its old copy is being interrupted is not cancelled by that")
    func interruptedLate() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run([first, second], GatewayRig.fast.with("worker_lost_after", "1s")) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            let (old, new) = first.submitted.isEmpty ? (second, first) : (first, second)
            old.start()
            try await rig.wait(id, for: "running")
            old.with { ($0.isSilent, $0.interruptsLate) = (true, true) }
            try await eventually("it is elsewhere") { new.submitted == [id] }
            old.with { $0.isSilent = false }
            try await eventually("interrupted") { old.with { $0.interrupted.contains(id) } }
            // It takes its time; meanwhile the other worker dies.
            new.with { $0.isDown = true }
            new.restartEmpty()
            try await eventually("it is back") {
                rig.engine.table[id]?.job.workerID
                    == rig.engine.pool.members.first { $0.worker.url == old.url }?.worker.id
                    && rig.engine.table[id]?.isSending == false
            }
            old.with { $0.running = [] }
            old.noteInterrupted(id)
            old.emit("executing", ["node": nil, "prompt_id": .string(id)])
            try await eventually("sent again") { old.submitted == [id, id] || rig.engine.table[id] == nil }
            old.start()
            old.finish()
            try await eventually("ended") { rig.engine.table[id] == nil }
            #expect(try await rig.stored(id)?.state == .done)
        }
    }

    @Test("one old copy that cannot be looked up does not keep the others")
    func unreadableCopy() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let workerID = try #require(rig.engine.pool.members.first?.worker.id)
            worker.with { $0.badHistory = ["bad"] }
            for id in ["bad", "x", "y", "z"] {
                var job = Job(
                    promptID: id, caller: "", state: .queued, nodeCount: 2, fingerprint: "f",
                    createdAt: Timestamp(milliseconds: 2))
                job.workerID = "elsewhere"
                #expect(rig.engine.table.insert(LiveJob(job)))
                await rig.engine.keep([JobCopy(promptID: id, workerID: workerID, idOnWorker: id)])
            }
            try await eventually("settled") { rig.engine.copies.on(workerID).map(\.promptID) == ["bad"] }
        }
    }

    @Test("a repeated prompt_id is not acknowledged before the first prompt is on disk")
    func repeatedBeforeStored() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast.with("worker_request_timeout", 0.2)) { rig in
            rig.faults.writeDelay = .milliseconds(800)
            async let first = rig.submit(["prompt_id": "x"])
            try await eventually("the write waits") { rig.faults.waiting == 1 }
            let second = await rig.submit(["prompt_id": "x"])
            #expect(second.status == .serviceUnavailable)
            #expect(await first.status == .ok)
        }
    }
}

extension JSONObject {
    /// This object with one more member.
    func with(_ key: String, _ value: JSON) -> JSONObject {
        var both = self
        both[key] = value
        return both
    }
}
