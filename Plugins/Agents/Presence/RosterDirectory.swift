import PluginAPI

/// The agents, for other plugins.
struct RosterDirectory: AgentDirectory {
    /// Checks tokens.
    let gate: AgentGate
    /// The agents.
    let roster: AgentRoster
    /// Who is heard of.
    let presence: PresenceBoard

    func authorise(_ request: Request, as agentID: String) async throws {
        _ = try await gate.agent(agentID, request)
    }

    func presences() async throws -> [AgentPresence] {
        roster.all.sorted { $0.id < $1.id }.map { agent in
            let last = agent.report.lastHeartbeatAt
            return AgentPresence(
                agentID: agent.id, isOnline: last == nil ? nil : isOnline(agent), lastHeartbeatAt: last)
        }
    }

    private func isOnline(_ agent: AgentRecord) -> Bool? {
        // One that the administrator keeps from talking is meant to be silent.
        guard agent.mayTalk else { return nil }
        if presence.isMissed(agent.id) { return false }
        // Whether one still is that is only waited for will show within the board's patience.
        return presence.isAwaited(agent.id) ? nil : true
    }
}
