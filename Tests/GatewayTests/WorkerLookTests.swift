import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("How often workers are looked at, as time goes by")
struct WorkerLookTests {
    private let clock = ManualClock()

    @Test("an idle worker whose breaker is open is tried after its pause, however rarely idle workers are looked at")
    func impatience() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.behaviour = .answer(.forbidden, [:]) }
        let values: JSONObject = ["health_interval": "1h", "breaker_failures": 1]
        try await GatewayRig.run([worker], values, clock: clock) { rig in
            try await rig.connected()
            try await GatewayRig.drive(clock, "known") { rig.engine.pool.members.first?.health == .healthy }
            #expect(await rig.submit(["prompt_id": "x", "priority": 1]).status == .ok)
            try await GatewayRig.drive(clock, "tried") { rig.engine.pool.members.first?.breaker.state == .open }
            worker.with { $0.behaviour = .take }
            try await GatewayRig.drive(clock, atMost: .seconds(60), "tried again") { worker.submitted == ["x"] }
        }
    }

    @Test("a job that was executed for too long is interrupted soon, however rarely idle workers are looked at")
    func interruption() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], ["health_interval": "1h", "job_timeout": "60s"], clock: clock) { rig in
            try await rig.connected()
            try await GatewayRig.drive(clock, "known") { rig.engine.pool.members.first?.health == .healthy }
            let id = try await rig.submitted(clock)
            worker.start()
            try await GatewayRig.drive(clock, "runs") { rig.engine.table[id]?.deadline != nil }
            try await GatewayRig.pass(.seconds(61), clock)
            await rig.engine.endOverdue()
            #expect(try await rig.stored(id)?.state == .failed)
            try await GatewayRig.drive(clock, atMost: .seconds(60), "interrupted") {
                worker.with { $0.interrupted == [id] }
            }
        }
    }

    @Test("no event stream is asked of a worker that does not answer")
    func unanswered() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.isDown = true }
        try await GatewayRig.run([worker], ["queue_cache_ttl": 1], clock: clock) { rig in
            try await GatewayRig.drive(clock, "known") { rig.engine.pool.members.first?.health.isHealthy == false }
            let before = worker.with { $0.connections }
            try await GatewayRig.pass(.seconds(60), clock)
            #expect(worker.with { $0.connections } == before)
            worker.with { $0.isDown = false }
            try await GatewayRig.drive(clock, atMost: .seconds(30), "connected") {
                rig.engine.pool.members[0].connectedSince != nil
            }
        }
    }
}
