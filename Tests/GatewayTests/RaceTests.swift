import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("Requests that come at the same time")
struct RaceTests {
    private static let refusal: JSON = [
        "error": ["type": "invalid_prompt", "message": "no", "details": "", "extra_info": [:]], "node_errors": [:],
    ]

    @Test("a repeated prompt_id is not acknowledged while the first prompt is refused and taken back")
    func repeatedWhileRefused() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.behaviour = .answer(.badRequest, Self.refusal) }
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            rig.faults.writeDelay = .milliseconds(150)
            async let first = rig.submit(["prompt_id": "twice"])
            try await Task.sleep(for: .milliseconds(170))
            async let second = rig.submit(["prompt_id": "twice"])
            #expect(await first.status == .badRequest)
            let repeated = await second
            let known = await rig.call(.get, "/api/task/twice/status").status
            #expect(repeated.status == .badRequest, "acknowledged, and then \(known)")
        }
    }

    @Test("a refused prompt leaves no trace when its caller hangs up meanwhile")
    func callerLeaves() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.behaviour = .answer(.badRequest, Self.refusal) }
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            rig.faults.writeDelay = .milliseconds(150)
            let caller = Task { await rig.submit(["prompt_id": "left"]) }
            try await eventually("stored") { try await rig.engine.store.job("left") != nil }
            caller.cancel()
            _ = await caller.value
            #expect(try await rig.engine.store.job("left") == nil)
        }
    }

    @Test("changes of one worker at the same time all count")
    func changes() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            let id = try #require(rig.engine.pool.members.first?.worker.id)
            rig.faults.writeDelay = .milliseconds(50)
            async let named = rig.call(.patch, "/api/workers/\(id)", ["name": "new"])
            async let weighed = rig.call(.patch, "/api/workers/\(id)", ["weight": 7])
            _ = await (named, weighed)
            let now = rig.engine.pool.members.first?.worker
            #expect(now?.name == "new")
            #expect(now?.weight == 7)
        }
    }

    @Test("a change at the same time does not bring a deleted worker back")
    func changeAndDelete() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            let id = try #require(rig.engine.pool.members.first?.worker.id)
            rig.faults.writeDelay = .milliseconds(50)
            async let deleted = rig.call(.delete, "/api/workers/\(id)")
            async let changed = rig.call(.patch, "/api/workers/\(id)", ["name": "new"])
            let answers = await (deleted, changed)
            #expect(answers.0.status == .ok)
            #expect(rig.engine.pool.members.isEmpty)
        }
    }

    @Test("two workers cannot get one URL at the same time")
    func oneURL() async throws {
        try await GatewayRig.run([FakeComfy("http://a:1"), FakeComfy("http://b:1")], GatewayRig.fast) { rig in
            let ids = rig.engine.pool.members.map(\.worker.id)
            rig.faults.writeDelay = .milliseconds(50)
            async let first = rig.call(.patch, "/api/workers/\(ids[0])", ["url": "http://c:1"])
            async let second = rig.call(.patch, "/api/workers/\(ids[1])", ["url": "http://c:1"])
            async let third = rig.call(.post, "/api/workers", ["url": "http://c:1"])
            let statuses = await [first.status.code, second.status.code, third.status.code].sorted()
            #expect(statuses == [200, 409, 409])
        }
    }
}
