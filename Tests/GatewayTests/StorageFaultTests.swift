import PluginAPI
import Testing

@testable import Gateway

@Suite("Jobs survive a database that fails for a while")
struct StorageFaultTests {
    private let fast: JSONObject = ["queue_cache_ttl": 0.25, "worker_lost_after": "1s"]

    @Test("a waiting job that could not be assigned is handed over once the disk is fine again")
    func assignment() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
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
        try await GatewayRig.run([worker], fast) { rig in
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
        try await GatewayRig.run([worker], fast) { rig in
            try await rig.connected()
            let id = try #require(await rig.submit().json["prompt_id"]?.stringValue)
            worker.start()
            worker.finish()
            try await rig.wait(id, for: "done")
            #expect(try await rig.engine.store.withdraw(id) == false)
            #expect(await rig.call(.get, "/api/history/\(id)").json[id] != nil)
        }
    }
}
