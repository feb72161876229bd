import PluginAPI

/// Writes heartbeats to disk and tells others when agents fall silent.
struct PresenceWatch: Sendable {
    /// The agents on disk.
    let store: AgentStore
    /// The agents in memory.
    let roster: AgentRoster
    /// Who is heard of.
    let presence: PresenceBoard
    /// Takes what others should know.
    let events: any EventBus
    /// Tells the time.
    let clock: any TimeSource
    /// Tells the operator.
    let logger: Logger

    /// How many reports one transaction writes.
    private static let batch = 500

    /// Writes what heartbeats said since the last call.
    ///
    /// - Throws: ``DatabaseError``; then the rest is written by a later call.
    func save() async throws {
        while true {
            let agents = roster.takeUnsaved(Self.batch)
            guard !agents.isEmpty else { return }
            do {
                try await store.save(agents)
            } catch {
                roster.keepUnsaved(agents)
                throw error
            }
            if agents.count < Self.batch { return }
        }
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
