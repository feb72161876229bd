import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Alerts

/// `agent_offline` and `agent_online`.
@Suite struct PresenceTests {
    private func moment(_ seconds: Int64) -> Timestamp {
        Timestamp(milliseconds: 1_767_225_600_000 + seconds * 1000)
    }

    @Test("silence and return are an alert each, with the last heartbeat")
    func events() async throws {
        let agents = FakeAgents()
        // Known, or the look at all agents forgets it.
        agents.set("a", isOnline: nil, heartbeat: nil)
        try await withAlerts(agents: agents) { rig in
            try await rig.tell("a", isOnline: false, heartbeat: moment(-180))
            rig.host.clock.advance(by: .seconds(60))
            try await rig.tell("a", isOnline: true, heartbeat: moment(60))
            #expect(try await rig.types() == ["agent_offline", "agent_online"])
            let offline = try #require(try await rig.list().last)
            #expect(offline["agentId"] == "a")
            #expect(offline["message"] == "No heartbeat since 2025-12-31T23:57:00.000Z.")
            #expect(offline["payload"]?["last_heartbeat_at"] == "2025-12-31T23:57:00.000Z")
        }
    }

    @Test("an outage is told once, however often it is said, and also across a restart of the daemon")
    func once() async throws {
        let directory = try TestDirectory()
        let agents = FakeAgents()
        agents.set("a", isOnline: nil, heartbeat: nil)
        try await withAlerts(agents: agents, directory: directory) { rig in
            try await rig.tell("a", isOnline: false, heartbeat: moment(-180))
            rig.host.clock.advance(by: .seconds(5))
            try await rig.tell("a", isOnline: false, heartbeat: moment(-180))
            #expect(try await rig.types() == ["agent_offline"])
        }
        // After a restart every agent counts as there until its patience is over.
        agents.set("a", isOnline: true, heartbeat: moment(-180))
        let clock = ManualClock(wallClock: moment(100))
        try await withAlerts(agents: agents, clock: clock, directory: directory) { rig in
            try await lookTwice(rig)
            #expect(try await rig.types() == ["agent_offline"])
            try await rig.tell("a", isOnline: false, heartbeat: moment(-180))
            #expect(try await rig.types() == ["agent_offline"])
            agents.set("a", isOnline: true, heartbeat: clock.wallClock)
            try await lookTwice(rig)
            #expect(try await rig.types() == ["agent_offline", "agent_online"])
        }
    }

    @Test("the first sign of an agent is no news; one that has not been heard of yet is none either")
    func first() async throws {
        let agents = FakeAgents()
        agents.set("a", isOnline: true, heartbeat: moment(0))
        agents.set("b", isOnline: nil, heartbeat: nil)
        try await withAlerts(agents: agents) { rig in
            try await lookTwice(rig)
            #expect(try await rig.list().isEmpty)
            agents.set("a", isOnline: false, heartbeat: moment(0))
            try await lookTwice(rig)
            #expect(try await rig.types() == ["agent_offline"])
        }
    }

    @Test("an event that got lost is made good by the next look; one that came late says nothing any more")
    func lost() async throws {
        let agents = FakeAgents()
        try await withAlerts(agents: agents) { rig in
            agents.set("a", isOnline: false, heartbeat: moment(0))
            try await lookTwice(rig)
            #expect(try await rig.types() == ["agent_offline"])
            let late = rig.host.clock.wallClock
            agents.set("a", isOnline: true, heartbeat: late)
            try await lookTwice(rig)
            #expect(try await rig.types() == ["agent_offline", "agent_online"])
            try await rig.tell("a", isOnline: false, heartbeat: moment(1), at: late)
            #expect(try await rig.types() == ["agent_offline", "agent_online"])
        }
    }

    @Test("all agents are looked at once a minute")
    func schedule() async throws {
        let agents = FakeAgents()
        agents.set("a", isOnline: false, heartbeat: moment(0))
        try await withAlerts(agents: agents) { rig in
            let done = try await rig.host.clock.drive(atMost: .seconds(90)) { try await !rig.list().isEmpty }
            #expect(done.isSo)
            #expect(done.moved >= .seconds(59))
        }
    }

    @Test("an agent that is deleted is forgotten without an alert; its alerts stay")
    func deleted() async throws {
        let agents = FakeAgents()
        agents.set("a", isOnline: false, heartbeat: moment(0))
        try await withAlerts(agents: agents) { rig in
            try await lookTwice(rig)
            agents.set("a", nil)
            try await lookTwice(rig)
            let known = try await rig.host.database.read { connection in
                try connection.all("SELECT agent_id FROM alerts_presence") { try $0.get("agent_id", as: String.self) }
            }
            #expect(known.isEmpty)
            #expect(try await rig.types() == ["agent_offline"])
        }
    }

    /// Looks at all agents, twice, because nothing may be told again.
    private func lookTwice(_ rig: AlertsRig) async throws {
        for _ in 0..<2 {
            rig.host.clock.advance(by: .seconds(1))
            try await rig.host.plugin.presence.reconcile()
        }
    }
}
