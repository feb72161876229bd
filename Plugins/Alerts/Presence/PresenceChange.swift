import PluginAPI

/// What follows from how an agent is now, and what was last told of it.
struct PresenceChange: Sendable {
    /// What is to be noted.
    let told: PresenceStore.Told
    /// Whether somebody should hear of it: the first sign of an agent is no news.
    let isNews: Bool

    /// Compares; `nil` when nothing changed.
    init?(from told: PresenceStore.Told?, to presence: AgentPresence, at time: Timestamp) {
        guard let isOnline = presence.isOnline else { return nil }
        if let told {
            // What is older than the last thing that was told was overtaken by it.
            guard told.isOnline != isOnline, time > told.at else { return nil }
            // After a restart all count as there until their patience is over. Back is who sent a heartbeat since.
            if isOnline {
                guard let heartbeat = presence.lastHeartbeatAt, heartbeat > told.at else { return nil }
            }
        }
        self.told = PresenceStore.Told(isOnline: isOnline, at: time)
        isNews = told != nil || !isOnline
    }
}
