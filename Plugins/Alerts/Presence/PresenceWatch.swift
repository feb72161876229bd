import PluginAPI

/// Turns silence and return of agents into alerts.
///
/// Events say it at once. They are not the truth, because a queue of them can overflow: once in a while all agents are looked at.
struct PresenceWatch: Sendable {
    /// Stores alerts.
    let alerts: AlertService
    /// What was told.
    let store: PresenceStore
    /// Finds out who knows agents.
    let capabilities: Capabilities
    /// Tells the time.
    let clock: any TimeSource

    /// How often all agents are looked at.
    static let interval = Duration.seconds(60)

    /// Takes the news of one agent.
    ///
    /// - Throws: ``DatabaseError``.
    func take(_ presence: AgentPresence, at time: Timestamp) async throws {
        guard let isOnline = presence.isOnline else { return }
        let last = presence.lastHeartbeatAt?.iso8601
        let draft = AlertDraft(
            agentID: presence.agentID, type: isOnline ? "agent_online" : "agent_offline",
            message: isOnline
                ? "Heartbeats come again since \(time.iso8601)."
                : last.map { "No heartbeat since \($0)." } ?? "No heartbeat.",
            payload: ["last_heartbeat_at": JSON(last)])
        let now = clock.wallClock
        _ = try await alerts.raise(draft) { try PresenceStore.move(presence, at: time, now: now, $0) }
    }

    /// Looks at all agents.
    ///
    /// - Throws: ``DatabaseError``.
    func reconcile() async throws {
        guard let directory = capabilities[.agentDirectory] else { return }
        // Before it is asked: what happens meanwhile is newer, and counts.
        let time = clock.wallClock
        let presences = try await directory.presences()
        let told = try await store.all()
        var first: [AgentPresence] = []
        let now = clock.wallClock
        for presence in presences {
            let change = PresenceChange(from: told[presence.agentID], to: presence, at: time, now: now)
            guard let change else { continue }
            if change.isNews {
                try await take(presence, at: time)
            } else {
                first.append(presence)
            }
        }
        try await store.note(first, at: time, now: now)
        let known = Set(presences.map(\.agentID))
        try await store.forget(told.keys.filter { !known.contains($0) })
    }
}
