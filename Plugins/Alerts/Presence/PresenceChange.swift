import PluginAPI

/// What follows from how an agent is now, and what was last told of it.
struct PresenceChange: Sendable {
    /// What is to be noted.
    let told: PresenceStore.Told
    /// Whether somebody should hear of it: the first sign of an agent is no news.
    let isNews: Bool

    /// How far the clock may go back before what was told counts as told in the future.
    private static let tolerance = Duration.seconds(60)

    /// Compares; `nil` when nothing changed.
    ///
    /// - Parameters:
    ///   - time: When the presence was like that.
    ///   - now: The time of the wall clock.
    init?(from told: PresenceStore.Told?, to presence: AgentPresence, at time: Timestamp, now: Timestamp) {
        guard let isOnline = presence.isOnline, told?.isOnline != isOnline else { return nil }
        // What was told in the future was told by a clock that was wrong; all is newer than that.
        if let told, told.at <= now.advanced(by: Self.tolerance) {
            // What is older than the last thing that was told was overtaken by it.
            guard time > told.at else { return nil }
            // Let in again, an agent counts as there until its patience is over. Back is who sent a heartbeat since.
            if isOnline {
                guard let heartbeat = presence.lastHeartbeatAt, heartbeat > told.at else { return nil }
            }
        }
        self.told = PresenceStore.Told(isOnline: isOnline, at: time)
        isNews = told != nil || !isOnline
    }
}
