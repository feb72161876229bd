import PluginAPI
import PluginTestKit
import Synchronization

/// Kills servers and the daemon, and hangs servers, while jobs run.
final class ChaosMonkey: Sendable {
    private let plan: ChaosPlan
    private let cluster: Cluster
    private let ledger: ChaosLedger
    private let isOver = Atomic(false)

    /// The time from one fault of a server to the next.
    private static let beat = Duration.seconds(2)
    /// Faults that pass, with the beats on which they begin, of every seven; the others kill.
    private static let passing: [Int: JSONObject] = [
        2: ["hang": true],
        // Alive and at work, but out of reach.
        5: ["down": true, "drop_sockets": true],
    ]

    init(_ plan: ChaosPlan, _ cluster: Cluster, _ ledger: ChaosLedger) {
        (self.plan, self.cluster, self.ledger) = (plan, cluster, ledger)
    }

    /// Ends ``tormentServers()``.
    func stop() {
        isOver.store(true, ordering: .relaxed)
    }

    /// Kills a server on every beat and starts it again, empty, a little later, until stopped; then all are well.
    ///
    /// Some hang or are out of reach for two beats instead.
    func tormentServers() async throws {
        var random = SeededRandom(seed: plan.seed ^ 0xDEAD)
        var sick: (server: SimulatedServer, until: Int)?
        let start = ContinuousClock.now
        for beat in 1... {
            try? await Task.sleep(until: start + Self.beat * beat)
            if let (server, end) = sick, beat >= end || isOver.load(ordering: .relaxed) {
                try await Self.change(server, ["hang": false, "down": false])
                sick = nil
            }
            guard !isOver.load(ordering: .relaxed) else { return }
            let servers = cluster.servers.filter { $0.port != sick?.server.port }
            guard let victim = servers.randomElement(using: &random) else { return }
            if let fault = Self.passing[beat % 7] {
                try await Self.change(victim, fault)
                sick = (victim, beat + 2)
                ledger.count(\.passingFaults)
            } else {
                try await victim.daemon.crash()
                try await Task.sleep(for: .milliseconds(Int.random(in: 200..<1400, using: &random)))
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

    private static func change(_ server: SimulatedServer, _ settings: JSONObject) async throws {
        let answer = try await server.probe.post("/simulator/control", .object(settings))
        guard answer.status == 200 else { throw Refused(answer: answer) }
    }
}
