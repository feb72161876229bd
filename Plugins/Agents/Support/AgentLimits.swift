import PluginAPI

/// What each agent may send in a minute, with room for bursts.
struct AgentLimits: Sendable {
    /// Heartbeats: expected once a minute.
    let heartbeats: RateLimit
    /// Events.
    let events: RateLimit
    /// Receipts, questions about tokens and manifest reads: a flood of events must not keep an agent from saying that it is done.
    let requests: RateLimit

    /// Makes the limits.
    init(clock: any TimeSource) {
        heartbeats = RateLimit(perMinute: 60, clock: clock)
        events = RateLimit(perMinute: 600, clock: clock)
        requests = RateLimit(perMinute: 120, clock: clock)
    }

    /// Forgets an agent.
    func forget(_ agentID: String) {
        heartbeats.forget(agentID)
        events.forget(agentID)
        requests.forget(agentID)
    }
}
