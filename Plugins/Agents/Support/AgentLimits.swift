import PluginAPI

/// What each agent may send in a minute, with room for bursts.
struct AgentLimits: Sendable {
    /// Heartbeats: expected once a minute.
    let heartbeats: RateLimit
    /// Events, receipts and manifest reads.
    let reports: RateLimit

    /// Makes the limits.
    init(clock: any TimeSource) {
        heartbeats = RateLimit(perMinute: 60, clock: clock)
        reports = RateLimit(perMinute: 600, clock: clock)
    }

    /// Forgets an agent.
    func forget(_ agentID: String) {
        heartbeats.forget(agentID)
        reports.forget(agentID)
    }
}
