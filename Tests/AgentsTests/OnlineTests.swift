import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// `online` of `GET /agents`: a heartbeat within 180 s (`spec/agents.md` §1), whatever is told of outages.
@Suite struct OnlineTests {
    private static func online(_ rig: AgentsRig) async -> JSON? {
        await rig.admin(.get, "/agents").json?.arrayValue?.first?["online"]
    }

    @Test("after a start an agent is as online as its last heartbeat is young", arguments: [179, 180, 3600])
    func restart(_ seconds: Int64) async throws {
        let directory = try TestDirectory()
        var start = Timestamp(milliseconds: 0)
        try await withAgents(directory: directory) { rig in
            let token = try await rig.addAgent()
            start = rig.host.clock.wallClock
            #expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token, [:]).status == .ok)
        }
        let later = Timestamp(milliseconds: start.milliseconds + seconds * 1000)
        let host = try TestHost<AgentsPlugin>(clock: ManualClock(wallClock: later), directory: directory)
        try await host.start()
        let rig = AgentsRig(host: host)
        #expect(await Self.online(rig) == .bool(seconds < 180))
        // Whether it is gone is told no sooner than before.
        let directoryOfAgents = try #require(host.capability(.agentDirectory))
        #expect(try await directoryOfAgents.presences().first?.isOnline == nil)
        await host.stop()
    }

    @Test("a heartbeat makes an agent online at once, 180 s without one end it")
    func limit() async throws {
        try await withAgents { rig in
            let token = try await rig.addAgent()
            #expect(await Self.online(rig) == false)
            for _ in 0..<2 {
                #expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token, [:]).status == .ok)
                #expect(await Self.online(rig) == true)
                rig.host.clock.advance(by: .seconds(179))
                #expect(await Self.online(rig) == true)
                rig.host.clock.advance(by: .seconds(1))
                #expect(await Self.online(rig) == false)
            }
        }
    }

    @Test("being allowed again is no heartbeat")
    func allowedAgain() async throws {
        try await withAgents { rig in
            let token = try await rig.addAgent()
            #expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token, [:]).status == .ok)
            _ = await rig.admin(.put, "/agents/comfyui-158", ["allowed": false])
            try await rig.host.clock.drive(for: .seconds(240))
            _ = await rig.admin(.put, "/agents/comfyui-158", ["allowed": true])
            #expect(await Self.online(rig) == false)
        }
    }

    @Test("a wall clock that jumps does not make a silent agent online")
    func wallClockJumps() async throws {
        let clock = ManualClock()
        let board = PresenceBoard(clock: clock)
        let now = clock.wallClock
        var agent = AgentRecord(id: "a", decision: AgentRecord.Decision(), createdAt: now, updatedAt: now)
        agent.report.lastHeartbeatAt = Timestamp(milliseconds: now.milliseconds + 3_600_000)
        #expect(!board.isOnline(agent), "its heartbeat was an hour later by a clock that was put back since")
        _ = board.hear("a")
        #expect(board.isOnline(agent))
        clock.advance(by: .seconds(180))
        #expect(!board.isOnline(agent))
    }
}
