import Glibc
import PluginAPI
import PluginTestKit
import Testing

/// Agents, administrators and a webhook that are all busy with one daemon, and what they were told.
struct AgentChaos: Sendable {
    /// What decides all choices.
    let seed: UInt64
    /// The daemon.
    let desk: AgentDesk
    /// What was told.
    let ledger: AgentLedger
    /// The agents.
    let agents: [ChaosAgent]
    /// Where alerts are posted.
    let receiver: ChaosReceiver

    private static let agentCount = 10
    private static let administratorCount = 6

    /// Runs a body while all are busy, then lets them come to rest, and checks that nothing was lost.
    ///
    /// - Parameter isSwitched: Whether the body switches plugins.
    static func run(isSwitched: Bool = false, _ torment: @escaping @Sendable (AgentChaos) async throws -> Void)
        async throws
    {
        let seed = SeededRandom.chosenSeed
        let ledger = AgentLedger(isSwitched: isSwitched)
        let receiver = try ChaosReceiver()
        let agents = try (0..<agentCount).map { number throws(ProbeError) in
            try ChaosAgent("agent-\(number)", seed: seed ^ UInt64(number), ledger)
        }
        let hook = "webhook_url: \(receiver.url)/\nrate_limit: 6000"
        try await withAgentDesk(agents: "push_retry: failed", alerts: hook) { desk in
            let chaos = AgentChaos(seed: seed, desk: desk, ledger: ledger, agents: agents, receiver: receiver)
            try await chaos.prepare()
            async let life: Void = chaos.live()
            do {
                try await torment(chaos)
            } catch {
                ledger.note { $0.isOver = true }
                throw error
            }
            ledger.note { $0.isOver = true }
            try await life
            receiver.becomes(.up)
            try await AgentChaosCheck(chaos).all()
        }
    }

    /// Makes the webhook fall ill until it missed a message, and well again, until the run is over.
    private func tormentReceiver() async throws {
        var random = SeededRandom(seed: seed ^ 0x4EC)
        // Once without an answer, after which the daemon makes a pause of its own; each more would double it.
        var mood = ChaosReceiver.Mood.drops
        while !ledger.isOver {
            let missed = receiver.missed
            receiver.becomes(mood)
            while !ledger.isOver, receiver.missed == missed { try await Task.sleep(for: .milliseconds(50)) }
            receiver.becomes(.up)
            mood = .refuses
            try await Task.sleep(for: .milliseconds(Int.random(in: 500..<3000, using: &random)))
        }
    }

    private func prepare() async throws {
        try await desk.add("/manifests", ["role": "full", "version": "1", "content": ["models": []]])
        for agent in agents {
            let name = "\(agent.id) at first"
            try await desk.add(
                "/agents", ["id": .string(agent.id), "name": .string(name), "baseUrl": .string(agent.url)])
            ledger.note {
                let decision = AgentLedger.Decision(name: name, isAllowed: true, isDisabled: false)
                $0.decisions[agent.id] = [decision]
            }
            agent.open(desk)
        }
    }

    private func live() async throws {
        let ids = agents.map(\.id)
        async let ill: Void = tormentReceiver()
        async let reports: [Void] = concurrently(agents) { try await $0.live(desk) }
        _ = try await concurrently(Array(0..<Self.administratorCount)) { number in
            var administrator = ChaosAdministrator(
                number, of: Self.administratorCount, seed: seed, desk, ledger, agents: ids)
            try await administrator.work()
        }
        _ = try await reports
        try await ill
    }
}
