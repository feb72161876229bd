import PluginAPI
import PluginTestKit
import Testing

@testable import Alerts

/// A wall clock that was wrong for a while, as that of a machine without a battery before it asked for the time.
@Suite struct ClockJumpTests {
    private static let hook: JSON = ["name": "ops", "url": "http://hook.test/"]

    /// A daemon's life with the wall clock so many days off.
    private func life(
        days: Int64, in directory: TestDirectory, hasHook: Bool = false, agents: FakeAgents = FakeAgents(),
        client: StubHTTPClient = StubHTTPClient(), _ body: (AlertsRig) async throws -> Void
    ) async throws {
        let wall = Timestamp(milliseconds: 1_767_225_600_000 + days * 86_400_000)
        try await withAlerts(
            configuration: hasHook ? ["webhooks": [Self.hook]] : [:], agents: agents, client: client,
            clock: ManualClock(wallClock: wall), directory: directory, body: body)
    }

    @Test("an alert of the future swallows no repeats")
    func folding() async throws {
        let directory = try TestDirectory()
        var first = 0
        try await life(days: 1000, in: directory) { first = try await $0.raise("t", "m") }
        try await life(days: 0, in: directory) { rig in
            let second = try await rig.raise("t", "m")
            #expect(second != first)
            #expect(try await rig.raise("t", "m") == second)
        }
    }

    @Test("an outage that was noticed in the future does not silence the agent until then")
    func presence() async throws {
        let directory = try TestDirectory()
        let agents = FakeAgents()
        // Known, or the look at all agents forgets it.
        agents.set("a", isOnline: nil, heartbeat: nil)
        try await life(days: 1000, in: directory, agents: agents) { rig in
            try await rig.tell("a", isOnline: false, heartbeat: rig.host.clock.wallClock)
        }
        try await life(days: 0, in: directory, agents: agents) { rig in
            rig.host.clock.advance(by: .seconds(60))
            try await rig.tell("a", isOnline: true, heartbeat: rig.host.clock.wallClock)
            rig.host.clock.advance(by: .seconds(200))
            try await rig.tell("a", isOnline: false, heartbeat: rig.host.clock.wallClock)
            // The one of the future is the newest to the list.
            #expect(try await rig.types() == ["agent_online", "agent_offline", "agent_offline"])
        }
    }

    @Test("what failed in the future is told now")
    func back() async throws {
        let directory = try TestDirectory()
        try await life(days: 1000, in: directory, hasHook: true) { rig in
            _ = try await rig.raise("t", "m")
            let done = try await rig.host.clock.drive(atMost: .seconds(10)) { !rig.host.client.requests.isEmpty }
            #expect(done.isSo)
        }
        let client = StubHTTPClient { _ in ClientResponse(status: .ok) }
        try await life(days: 0, in: directory, hasHook: true, client: client) { rig in
            try await rig.becomes(within: .seconds(30)) { !client.requests.isEmpty }
        }
    }

    @Test("after days without the daemon one failure is no reason to give up")
    func pause() async throws {
        let directory = try TestDirectory()
        try await life(days: 0, in: directory, hasHook: true) { rig in
            _ = try await rig.raise("t", "m")
            let done = try await rig.host.clock.drive(atMost: .seconds(10)) { !rig.host.client.requests.isEmpty }
            #expect(done.isSo)
        }
        let client = StubHTTPClient()
        try await life(days: 3, in: directory, hasHook: true, client: client) { rig in
            try await rig.becomes(within: .seconds(30)) { !client.requests.isEmpty }
            client.answer { _ in ClientResponse(status: .ok) }
            try await rig.becomes(within: .seconds(60)) { client.requests.count == 2 }
        }
    }

    @Test("pages go on behind an alert of the future")
    func pages() async throws {
        let directory = try TestDirectory()
        var future = 0
        try await life(days: 1000, in: directory) { future = try await $0.raise("t", "future") }
        try await life(days: 0, in: directory) { rig in
            let now = try await rig.raise("t", "now")
            let first = try await rig.list("?limit=1")
            #expect(first.compactMap { $0["id"]?.intValue } == [future])
            let second = try await rig.list("?limit=1&before_id=\(future)")
            #expect(second.compactMap { $0["id"]?.intValue } == [now])
            #expect(try await rig.list("?limit=1&before_id=\(now)").isEmpty)
            // One that is not there any more still has a place: that of its number.
            #expect(try await rig.list("?before_id=999").count == 2)
        }
    }

    @Test("what a look at all agents finds late is no newer than an event")
    func late() async throws {
        let agents = FakeAgents()
        agents.set("a", isOnline: nil, heartbeat: nil)
        try await withAlerts(agents: agents) { rig in
            let before = rig.host.clock.wallClock
            rig.host.clock.advance(by: .seconds(1))
            try await rig.tell("a", isOnline: false, heartbeat: before)
            let old = AgentPresence(agentID: "a", isOnline: true, lastHeartbeatAt: before)
            try await rig.host.plugin.presence.store.note([old], at: before, now: rig.host.clock.wallClock)
            rig.host.clock.advance(by: .seconds(700))
            try await rig.tell("a", isOnline: false, heartbeat: before)
            #expect(try await rig.types() == ["agent_offline"])
        }
    }
}
