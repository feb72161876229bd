import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("Workers that fail, as time goes by")
struct FailureTests {
    private let clock = ManualClock()

    @Test(
        "a worker that answers looks but refuses prompts gets none for a while, then one, then all once it has ended")
    func blackHole() async throws {
        let (bad, good) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        bad.with { $0.behaviour = .answer(.forbidden, [:]) }
        @Sendable func tries() -> Int { bad.with { $0.requests.count { $0.url.hasSuffix("/prompt") } } }
        try await GatewayRig.run([bad, good], ["max_in_flight": 100], clock: clock) { rig in
            try await rig.connected()
            @Sendable func breaker() -> CircuitBreaker? { rig.engine.pool.members.first?.breaker }
            @Sendable func isHealthy() -> Bool { rig.engine.pool.members.allSatisfy { $0.health == .healthy } }
            for count in 1...3 {
                try await GatewayRig.drive(clock, "both answer") { isHealthy() }
                _ = try await rig.submitted(clock)
                if tries() < count { _ = try await rig.submitted(clock) }
                #expect(tries() == count)
            }
            #expect(breaker()?.state == .open)
            let shown = await rig.call(.get, "/api/workers").json["workers"]
            #expect(shown?.arrayValue?.map { $0["breaker"] } == ["open", "closed"])
            let words = #"1 of 2 workers failed too many jobs (circuit breaker): "http://a:1""#
            try await GatewayRig.drive(clock, "it answers again") { isHealthy() }
            #expect(rig.engine.health == .degraded(words))
            _ = try await rig.submitted(clock)
            #expect(tries() == 3)
            // One prompt is tried, and goes to the other worker.
            try await GatewayRig.drive(clock, "half open") { breaker()?.state == .halfOpen }
            _ = try await rig.submitted(clock)
            #expect(tries() == 4)
            #expect(breaker()?.state == .open)
            #expect(breaker()?.pause == .seconds(20))
            try await GatewayRig.drive(clock, "half open again") { breaker()?.state == .halfOpen }
            bad.with { $0.behaviour = .take }
            let probe = try await rig.submitted(clock)
            #expect(bad.submitted == [probe])
            for _ in 0..<3 { _ = try await rig.submitted(clock) }
            #expect(bad.submitted == [probe])
            #expect(breaker()?.state == .halfOpen)
            bad.start()
            bad.finish(error: "the workflow's fault")
            try await GatewayRig.drive(clock, "closed") { breaker()?.state == .closed }
            #expect(rig.engine.health == .healthy)
            try await GatewayRig.drive(clock, "its end is known") { rig.engine.table[probe] == nil }
            let explained = try await rig.engine.store.events(of: probe, limit: 100).map(\.state)
            #expect(explained.contains(.failed))
        }
    }

    @Test("a prompt that a worker does not answer is waited for no longer than the worker answers looks")
    func hangingSubmit() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.behaviour = .hang }
        try await GatewayRig.run([worker], clock: clock) { rig in
            try await rig.connected()
            async let submitted = rig.submitted(clock, ["prompt_id": "x"])
            try await GatewayRig.drive(clock, atMost: .seconds(2), "it is sent") { worker.with { $0.hanging == 1 } }
            worker.with { $0.isSilent = true }
            // The stand-in hangs for sixty seconds of our time.
            #expect(try await submitted == "x")
            #expect(rig.engine.table["x"]?.job.state == .dispatching)
            #expect(worker.with { $0.hanging == 0 })
            worker.with { state in
                state.behaviour = .take
                state.isSilent = false
            }
            try await GatewayRig.drive(clock, "it is sent again") { worker.submitted == ["x"] }
        }
    }

    @Test(
        "the daemon ends without waiting for a worker that does not answer; the next process sends the prompt once")
    func drainWhileHanging() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.behaviour = .hang }
        let database = try SQLiteDatabase.open(path: ":memory:")
        try await GatewayRig.run([worker], database: database, clock: clock) { rig in
            try await rig.connected()
            async let submitted = rig.submitted(clock, ["prompt_id": "x"])
            try await GatewayRig.drive(clock, atMost: .seconds(2), "it is sent") { worker.with { $0.hanging == 1 } }
            try await GatewayRig.during(clock) { await rig.plugin.drain() }
            #expect(try await submitted == "x")
        }
        worker.with { $0.behaviour = .take }
        try await GatewayRig.run([worker], database: database, clock: clock) { _ in
            try await GatewayRig.drive(clock, "it is sent") { worker.submitted == ["x"] }
            try await GatewayRig.pass(.seconds(20), clock)
            #expect(worker.submitted == ["x"])
        }
        await database.close()
    }

    @Test("a worker whose process is gone loses its jobs within seconds, a silent one after worker_lost_after")
    func goneOrSilent() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run([first, second], ["worker_lost_after": "10m"], clock: clock) { rig in
            try await rig.connected()
            let id = try await rig.submitted(clock)
            let (owner, other) = first.submitted.isEmpty ? (second, first) : (first, second)
            owner.with { $0.isSilent = true }
            try await GatewayRig.pass(.seconds(60), clock)
            #expect(other.submitted.isEmpty)
            owner.with { $0.isDown = true }
            try await GatewayRig.drive(clock, atMost: .seconds(120), "it goes to the other") { other.submitted == [id] }
            owner.with { ($0.isDown, $0.isSilent) = (false, false) }
            try await GatewayRig.drive(clock, "the old copy is removed") { owner.count == 0 }
        }
    }

    @Test(
        "jobs of an unreachable worker go to others when they are due, though each look at it takes its time",
        arguments: [(isGone: false, atMost: Duration.seconds(36)), (isGone: true, atMost: Duration.seconds(6))])
    func inTime(isGone: Bool, atMost: Duration) async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run([first, second], clock: clock) { rig in
            try await rig.connected()
            let id = try await rig.submitted(clock)
            let (owner, other) = first.submitted.isEmpty ? (second, first) : (first, second)
            let workerID = try #require(rig.engine.pool.members.first { $0.worker.url == owner.url }?.worker.id)
            owner.with { state in
                if isGone { state.isDown = true } else { state.isSilent = true }
                state.silence = { [clock] in try await clock.sleep(for: WorkerRegistry.probeTimeout) }
            }
            try await GatewayRig.drive(clock, "noticed") { rig.engine.pool[workerID]?.health.isHealthy == false }
            let began = clock.now
            try await GatewayRig.drive(clock, "it goes to the other") { other.submitted == [id] }
            #expect(began.duration(to: clock.now) <= atMost)
            let noticed = clock.now
            owner.with { ($0.isDown, $0.isSilent) = (false, false) }
            try await GatewayRig.drive(clock, "the old copy is removed") { owner.count == 0 }
            #expect(noticed.duration(to: clock.now) <= .seconds(11))
        }
    }

    @Test("jobs of an unreachable worker that was switched off wait here, and go on there when it is back")
    func disabled() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], clock: clock) { rig in
            try await rig.connected()
            let id = try await rig.submitted(clock)
            let workerID = try #require(rig.engine.pool.members.first?.worker.id)
            worker.with { $0.isSilent = true }
            try await GatewayRig.pass(.seconds(60), clock)
            #expect(rig.engine.table[id]?.job.state == .submitted)
            _ = await rig.call(.patch, "/api/workers/\(workerID)", ["enabled": false])
            try await GatewayRig.drive(clock, "it waits here") { rig.engine.table[id]?.job.state == .queued }
            worker.with { $0.isSilent = false }
            try await GatewayRig.drive(clock, "it goes on there") { rig.engine.table[id]?.job.state == .submitted }
            #expect(worker.submitted == [id])
            #expect(rig.engine.table[id]?.job.attempts == 1)
        }
    }

    @Test("jobs of an unreachable worker that was deleted go to the next one that is registered")
    func deleted() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        let values: JSONObject = ["workers": [["url": "http://a:1"]]]
        try await GatewayRig.run([first, second], values, clock: clock) { rig in
            let id = try await rig.submitted(clock)
            let workerID = try #require(rig.engine.pool.members.first?.worker.id)
            first.with { $0.isSilent = true }
            _ = await rig.call(.delete, "/api/workers/\(workerID)")
            try await GatewayRig.drive(clock, "it waits here") { rig.engine.table[id]?.job.state == .queued }
            _ = await rig.call(.post, "/api/workers", ["url": "http://b:1"])
            try await GatewayRig.drive(clock, "it goes to the new one") { second.submitted == [id] }
        }
    }

    @Test("without another worker a job waits for its own one; if that is empty then, it gets the job at once")
    func onlyWorker() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], clock: clock) { rig in
            try await rig.connected()
            let id = try await rig.submitted(clock)
            worker.with { $0.isDown = true }
            worker.restartEmpty()
            try await GatewayRig.pass(.seconds(120), clock)
            #expect(rig.engine.table[id]?.job.state == .submitted)
            worker.with { $0.isDown = false }
            try await GatewayRig.drive(clock, atMost: .seconds(60), "it is sent again") {
                worker.submitted == [id, id]
            }
            #expect(rig.engine.table[id]?.job.attempts == 2)
        }
    }

    @Test("a worker whose thread died is found out: its jobs go to others, only the first is charged, its copy may win")
    func deadThread() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run([first, second], ["worker_stall_timeout": "60s"], clock: clock) { rig in
            try await rig.connected()
            let ids = [try await rig.submitted(clock), try await rig.submitted(clock)]
            let (owner, other) = first.submitted == [ids[0]] ? (first, second) : (second, first)
            // The other one is busy, and works.
            other.start()
            let behind = try await rig.submitted(clock)
            if !owner.submitted.contains(behind) { _ = try await rig.submitted(clock) }
            let waiting = try #require(owner.submitted.last)
            try #require(waiting != ids[0])
            owner.start()
            try await GatewayRig.drive(clock, "it runs") { rig.engine.table[ids[0]]?.job.state == .running }
            let member = try #require(rig.engine.pool.members.first { $0.worker.url == owner.url })
            try await GatewayRig.drive(clock, atMost: .seconds(300), "it stands still") {
                // What reports progress does not stand still.
                other.emit("progress", ["node": "3", "value": 1, "max": 9, "prompt_id": .string(ids[1])])
                return rig.engine.pool[member.worker.id]?.stall.isStalled ?? false
            }
            let reason = rig.engine.pool[member.worker.id]?.health.reason
            #expect(reason?.contains("stands still") ?? false, "\(reason ?? "healthy")")
            #expect(rig.engine.pool.members.first { $0.worker.url == other.url }?.health == .healthy)
            try await GatewayRig.drive(clock, "its jobs were taken away") {
                rig.engine.table.jobs(on: member.worker.id).isEmpty
            }
            #expect(rig.engine.table[ids[0]]?.job.attempts ?? 0 >= 1)
            #expect(rig.engine.table[waiting]?.job.attempts ?? 9 <= 1)
            try await GatewayRig.drive(clock, "the others' place is used") {
                other.emit("progress", ["node": "3", "value": 1, "max": 9, "prompt_id": .string(ids[1])])
                other.finish()
                other.start()
                return other.submitted.contains(ids[0]) && other.submitted.contains(waiting)
            }
            #expect(rig.engine.table[waiting].map { $0.job.attempts == 1 } ?? true)
            // It was only slow: the first result counts.
            owner.finish(silently: true)
            try await GatewayRig.drive(clock, "its head moved") {
                other.finish()
                other.start()
                return rig.engine.pool[member.worker.id]?.health == .healthy
            }
            try await GatewayRig.drive(clock, "they end") {
                other.finish()
                other.start()
                return await rig.status(ids[0]) == "done"
            }
        }
    }

    @Test("behind somebody else's prompt that stands still, a job is not charged, and goes on there once that moved")
    func foreignHead() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.running = [[0, "foreign", [:], [:], []]] }
        try await GatewayRig.run([worker], ["worker_stall_timeout": "60s"], clock: clock) { rig in
            try await rig.connected()
            let id = try await rig.submitted(clock)
            try await GatewayRig.drive(clock, "it waits here") { rig.engine.table[id]?.job.state == .queued }
            #expect(rig.engine.table[id]?.job.attempts == 0)
            // It is not taken back to where it stood still, not even for a moment.
            try await GatewayRig.pass(.seconds(30), clock)
            #expect(rig.engine.table[id]?.job.state == .queued)
            try await GatewayRig.drive(clock, "it is stored") { try await rig.stored(id)?.state == .queued }
            let states = try await rig.engine.store.events(of: id, limit: 100).map(\.state)
            #expect(states == [.queued, .dispatching, .submitted, .queued])
            worker.with { $0.running = [] }
            try await GatewayRig.drive(clock, "it goes on there") { rig.engine.table[id]?.job.state == .submitted }
            #expect(worker.submitted == [id])
            #expect(rig.engine.table[id]?.job.attempts == 1)
        }
    }

    @Test(
        "a job that is executed for too long ends as failed, and is interrupted on its worker",
        arguments: [false, true])
    func timeout(isUnreachable: Bool) async throws {
        let worker = FakeComfy("http://a:1")
        let database = try SQLiteDatabase.open(path: ":memory:")
        let values: JSONObject = ["job_timeout": "90s"]
        let id = try await GatewayRig.run([worker], database: database, values, clock: clock) { rig in
            try await rig.connected()
            let id = try await rig.submitted(clock)
            // Waiting does not count.
            try await GatewayRig.pass(.seconds(100), clock)
            await rig.engine.endOverdue()
            worker.start()
            try await GatewayRig.drive(clock, "it is stored") { try await rig.stored(id)?.state == .running }
            try await GatewayRig.pass(.seconds(60), clock)
            await rig.engine.endOverdue()
            #expect(await rig.status(id) == "running")
            return id
        }
        try await GatewayRig.run([worker], database: database, values, clock: clock) { rig in
            await rig.engine.endOverdue()
            #expect(await rig.status(id) == "running")
            if isUnreachable {
                worker.with { $0.isSilent = true }
                try await GatewayRig.drive(clock, "it is silent") {
                    rig.engine.pool.members.first?.health.isHealthy == false
                }
            }
            try await GatewayRig.pass(.seconds(31), clock)
            await rig.engine.endOverdue()
            let job = try await rig.stored(id)
            #expect(job?.state == .failed)
            #expect(job?.error == "it was executed for longer than the limit of 90s (job_timeout)")
            worker.with { $0.isSilent = false }
            try await GatewayRig.drive(clock, "it is interrupted") { worker.with { $0.interrupted.contains(id) } }
            try await GatewayRig.drive(clock, "the copy is forgotten") { try await rig.engine.store.copies().isEmpty }
        }
        await database.close()
    }

    @Test("a job that kills its worker each time is lost after the last attempt; the one behind it is not charged")
    func killer() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], clock: clock) { rig in
            try await rig.connected()
            let killer = try await rig.submitted(clock)
            let innocent = try await rig.submitted(clock)
            for attempt in 1...3 {
                try await GatewayRig.drive(clock, "both are there") {
                    worker.count == 2 && worker.with { !$0.sockets.isEmpty }
                        && rig.engine.table.counts[.submitted] == 2
                }
                // Which one is sent first is left open.
                worker.with { $0.pending.sort { item, _ in item[1]?.stringValue == killer } }
                try #require(worker.start() == killer)
                try await GatewayRig.drive(clock, "it runs") { rig.engine.table[killer]?.job.state == .running }
                #expect(rig.engine.table[killer]?.job.attempts == attempt)
                #expect(rig.engine.table[innocent]?.job.attempts == 1)
                worker.restartEmpty()
            }
            try await GatewayRig.drive(clock, "it is lost") { try await rig.stored(killer)?.state == .lost }
            let words = try await rig.stored(killer)?.error ?? ""
            #expect(words.contains("3 attempts"), "\(words)")
            #expect(rig.engine.pool.members.first?.breaker.state == .open)
            try await GatewayRig.drive(clock, "the other one is there again") {
                worker.submitted.last == innocent && worker.count == 1
            }
            try await GatewayRig.drive(clock, "it is known") { rig.engine.table[innocent]?.job.state == .submitted }
            #expect(rig.engine.table[innocent]?.job.attempts == 1)
            #expect(worker.submitted.count { $0 == killer } == 3)
        }
    }

    @Test("a job goes to another worker than the one that just lost it, though that one has a shorter queue")
    func avoided() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run([first, second], ["max_in_flight": 9], clock: clock) { rig in
            try await rig.connected()
            var ids: [String] = []
            for _ in 0..<4 { ids.append(try await rig.submitted(clock)) }
            let lost = first.submitted
            #expect(lost.count == 2)
            first.restartEmpty()
            try await GatewayRig.drive(clock, atMost: .seconds(30), "they are sent again") { second.count == 4 }
            #expect(first.count == 0)
            #expect(Set(second.submitted) == Set(ids))
        }
    }

    @Test("a prompt over which one worker breaks down goes to another; if that does too, it is the prompt's fault")
    func breakdown() async throws {
        let workers = (0..<3).map { FakeComfy("http://w\($0):1") }
        for worker in workers { worker.with { $0.behaviour = .answer(.internalServerError, [:]) } }
        try await GatewayRig.run(workers, clock: clock) { rig in
            try await rig.connected()
            let refused = try await GatewayRig.during(clock) { await rig.submit() }
            #expect(refused.status == .internalServerError)
            @Sendable func tries() -> Int {
                workers.reduce(0) { $0 + $1.with { $0.requests.count { $0.url.hasSuffix("/prompt") } } }
            }
            #expect(tries() == 2)
            #expect(rig.engine.pool.members.map(\.breaker.failures).reduce(0, +) == 1)
            #expect(rig.engine.table.counts.values.allSatisfy { $0 == 0 })
            for worker in workers.dropFirst() { worker.with { $0.behaviour = .take } }
            for _ in 0..<4 { _ = try await rig.submitted(clock) }
        }
    }
}
