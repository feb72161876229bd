import PluginAPI

/// Writes to disk what heartbeats said, for many agents at once.
struct HeartbeatWriter: Sendable {
    /// The agents on disk.
    let store: AgentStore
    /// The agents in memory.
    let roster: AgentRoster

    /// How often it is done: a crash loses no more.
    static let interval = Duration.seconds(1)
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
}
