import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// Who counts as offline, and when: no false alarm, and no outage missed.
@Suite struct PresenceBoardTests {
    /// Agents with heartbeats a minute apart, spread by 30 %, of which some die.
    private struct Fleet {
        let clock = ManualClock()
        let board: PresenceBoard
        var random = SeededRandom(seed: SeededRandom.chosenSeed)
        /// When each agent sends next.
        var next: [String: Instant] = [:]
        private var checkedAt: Instant

        init(count: Int) {
            board = PresenceBoard(clock: clock)
            checkedAt = clock.now
            for number in 0..<count {
                let id = "agent-\(number)"
                next[id] = clock.now.advanced(by: .milliseconds(Int64.random(in: 0...60_000, using: &random)))
            }
        }

        /// Lets time pass, second by second; gives who was found silent, and who came back.
        mutating func run(seconds: Int) -> (silent: [String], back: [String]) {
            var silent: [String] = []
            var back: [String] = []
            for _ in 0..<seconds {
                clock.advance(by: .seconds(1))
                back += beat()
                guard checkedAt.duration(to: clock.now) >= PresenceBoard.interval else { continue }
                checkedAt = clock.now
                silent += board.check()
            }
            return (silent, back)
        }

        /// Nothing of the daemon runs; the heartbeats that come meanwhile are lost.
        mutating func stall(seconds: Int) {
            clock.advance(by: .seconds(seconds))
            for (id, time) in next where time <= clock.now { next[id] = clock.now.advanced(by: pause()) }
        }

        private mutating func beat() -> [String] {
            var back: [String] = []
            for (id, time) in next where time <= clock.now {
                next[id] = clock.now.advanced(by: pause())
                if board.hear(id) { back.append(id) }
            }
            return back
        }

        private mutating func pause() -> Duration {
            .milliseconds(Int64.random(in: 42_000...78_000, using: &random))
        }
    }

    @Test("200 agents with 30 % jitter and a stall of the daemon make no false alarm", arguments: [45, 170])
    func noFalseAlarm(stall: Int) {
        var fleet = Fleet(count: 200)
        for _ in 0..<5 {
            let calm = fleet.run(seconds: 600)
            #expect(calm.silent.isEmpty, "seed \(SeededRandom.chosenSeed)")
            #expect(calm.back.isEmpty)
            fleet.stall(seconds: stall)
        }
        #expect(fleet.run(seconds: 600).silent.isEmpty)
    }

    @Test("an agent that dies is found within four minutes, once, also when the daemon stalls meanwhile")
    func dead() {
        var fleet = Fleet(count: 200)
        _ = fleet.run(seconds: 300)
        fleet.next["agent-7"] = nil
        #expect(fleet.run(seconds: 90).silent.isEmpty)
        fleet.stall(seconds: 45)
        #expect(fleet.run(seconds: 240 - 90 - 45).silent == ["agent-7"])
        #expect(fleet.run(seconds: 600).silent.isEmpty)
    }

    @Test("an agent is back with its second heartbeat, and no sooner")
    func back() {
        var fleet = Fleet(count: 1)
        _ = fleet.run(seconds: 100)
        fleet.next = [:]
        #expect(fleet.run(seconds: 200).silent == ["agent-0"])
        fleet.next["agent-0"] = fleet.clock.now
        #expect(fleet.run(seconds: 30).back.isEmpty)
        #expect(fleet.run(seconds: 60).back == ["agent-0"])
        #expect(fleet.run(seconds: 600).silent.isEmpty)
    }

    @Test("one that sends a heartbeat now and then does not come and go with each")
    func thread() {
        var fleet = Fleet(count: 1)
        _ = fleet.run(seconds: 100)
        fleet.next = [:]
        #expect(fleet.run(seconds: 200).silent == ["agent-0"])
        for _ in 0..<5 {
            #expect(!fleet.board.hear("agent-0"))
            let passed = fleet.run(seconds: 200)
            #expect(passed.silent.isEmpty && passed.back.isEmpty)
        }
    }

    @Test("after a restart those that were heard of before have the whole patience; others are not waited for")
    func restart() {
        let clock = ManualClock()
        let board = PresenceBoard(clock: clock)
        board.expect(["a"])
        var silent: [String] = []
        for second in 1...300 {
            clock.advance(by: .seconds(1))
            guard second.isMultiple(of: 5) else { continue }
            silent += board.check()
            if second < 180 { #expect(silent.isEmpty) }
        }
        #expect(silent == ["a"])
        board.forget("a")
        #expect(!board.hear("a"))
    }

    @Test("an agent that the administrator disabled is not missed")
    func disabled() async throws {
        try await withAgents { rig in
            for id in ["comfyui-158", "comfyui-159"] {
                let token = try await rig.addAgent(id)
                #expect(await rig.agent(.post, "/agents/\(id)/heartbeat", token: token).status == .ok)
            }
            #expect(await rig.admin(.put, "/agents/comfyui-158", ["allowed": false]).status == .ok)
            let done = try await rig.host.clock.drive(atMost: .seconds(240)) { !rig.host.events.all.isEmpty }
            #expect(done.isSo)
            let events: [AgentPresenceChanged] = rig.host.events.events()
            #expect(events.map(\.presence.agentID) == ["comfyui-159"])
            #expect(events.first?.presence.isOnline == false)
            let directory = try #require(rig.host.capability(.agentDirectory))
            #expect(try await directory.presences().map(\.isOnline) == [nil, false])
            // Let in again, it has the whole patience before it counts as gone; whether it is there nobody knows.
            #expect(await rig.admin(.put, "/agents/comfyui-158", ["allowed": true]).status == .ok)
            #expect(try await directory.presences().map(\.isOnline) == [nil, false])
            let missed = try await rig.host.clock.drive(atMost: .seconds(240)) { rig.host.events.all.count > 1 }
            #expect(missed.isSo && missed.moved >= .seconds(170))
        }
    }

    @Test("a heartbeat that the disk has from the future does not count as heard")
    func future() async throws {
        let directory = try TestDirectory()
        let later = Timestamp(milliseconds: 1_893_456_000_000)
        try await withAgents(directory: directory) { rig in
            let token = try await rig.addAgent("comfyui-158")
            #expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token).status == .ok)
            let saved = try await rig.host.clock.drive(atMost: .seconds(10)) {
                try await rig.host.database.read { connection in
                    try connection.first("SELECT id FROM agents_agents WHERE last_heartbeat_at > 0") { _ in true }
                } ?? false
            }
            #expect(saved.isSo)
            try await rig.host.database.write { connection in
                _ = try connection.execute("UPDATE agents_agents SET last_heartbeat_at = \(later)")
            }
        }
        try await withAgents(directory: directory) { rig in
            let directory = try #require(rig.host.capability(.agentDirectory))
            #expect(try await directory.presences().map(\.isOnline) == [nil])
        }
    }
}
