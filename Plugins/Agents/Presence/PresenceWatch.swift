import PluginAPI

/// Tells others when agents fall silent and when they are back.
struct PresenceWatch: Sendable {
    /// The agents.
    let roster: AgentRoster
    /// Knows who is heard of.
    let presence: PresenceBoard
    /// Takes what others should know.
    let events: any EventBus
    /// Tells the time.
    let clock: any TimeSource
    /// Tells the operator.
    let logger: Logger

    /// Takes note of a heartbeat that came now.
    func hear(_ id: String, at time: Timestamp) {
        guard presence.hear(id) else { return }
        logger.notice("an agent is heard of again", ["agent.id": id])
        let back = AgentPresence(agentID: id, isOnline: true, lastHeartbeatAt: time)
        events.publish(AgentPresenceChanged(presence: back, at: time))
    }

    /// Looks who fell silent; those that the administrator keeps from talking are meant to.
    func look() {
        for id in presence.check() {
            guard let agent = roster[id], agent.mayTalk else {
                presence.forget(id)
                continue
            }
            logger.warning("an agent is not heard of any more", ["agent.id": id])
            let gone = AgentPresence(agentID: id, isOnline: false, lastHeartbeatAt: agent.report.lastHeartbeatAt)
            events.publish(AgentPresenceChanged(presence: gone, at: clock.wallClock))
        }
    }
}
