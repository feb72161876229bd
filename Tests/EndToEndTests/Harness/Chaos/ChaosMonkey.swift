import PluginAPI
import PluginTestKit
import Synchronization

/// Kills servers and the daemon, and hangs servers, while jobs run.
final class ChaosMonkey: Sendable {
    private let plan: ChaosPlan
    private let cluster: Cluster
    private let ledger: ChaosLedger
    private let isOver = Atomic(false)

    /// The time from one kill of a server to the next.
    private static let beat = Duration.seconds(2)
    /// Every so many beats a server hangs instead, for two beats.
    private static let hangingBeats = 8

    init(_ plan: ChaosPlan, _ cluster: Cluster, _ ledger: ChaosLedger) {
        (self.plan, self.cluster, self.ledger) = (plan, cluster, ledger)
    }

    /// Ends ``killServers()``.
    func stop() {
        isOver.store(true, ordering: .relaxed)
    }

    /// Kills a server on every beat, and starts it again, empty, a little later; until stopped.
    func killServers() async throws {
        var random = SeededRandom(seed: plan.seed ^ 0xDEAD)
        var hung: (server: SimulatedServer, until: Int)?
        for beat in 1... {
            try? await Task.sleep(for: Self.beat)
            if let (server, end) = hung, beat >= end || isOver.load(ordering: .relaxed) {
                try await Self.set(server, hanging: false)
                hung = nil
            }
            guard !isOver.load(ordering: .relaxed) else { return }
            let servers = cluster.servers.filter { $0.port != hung?.server.port }
            guard let victim = servers.randomElement(using: &random) else { return }
            if beat % Self.hangingBeats == 2 {
                try await Self.set(victim, hanging: true)
                hung = (victim, beat + 2)
                ledger.count(\.hangs)
            } else {
                try await victim.daemon.crash()
                try await Task.sleep(for: .milliseconds(Int.random(in: 200..<1200, using: &random)))
                try await victim.restart()
                ledger.count(\.serverKills)
            }
        }
    }

    /// Kills the daemon when so many jobs are acknowledged as the plan says, and starts it on the same state.
    func killDaemon() async throws {
        var random = SeededRandom(seed: plan.seed ^ 0xBEEF)
        for goal in plan.daemonKills {
            try await eventually("\(goal) submits\n\(cluster.gateway.tail)", within: 60 + Double(goal) / 5) {
                self.ledger.entries.count >= goal
            }
            try await Task.sleep(for: .microseconds(Int.random(in: 0..<50_000, using: &random)))
            try await cluster.gateway.crash()
            ledger.count(\.daemonKills)
            try await cluster.restartGateway()
        }
    }

    private static func set(_ server: SimulatedServer, hanging: Bool) async throws {
        let answer = try await server.probe.post("/simulator/control", ["hang": .bool(hanging)])
        guard answer.status == 200 else { throw Refused(answer: answer) }
    }
}
