import PluginAPI

/// What was last told of each agent: that is on disk, so that an outage is told once, also across a restart.
struct PresenceStore: Sendable {
    /// The daemon's database.
    let database: any Database

    /// What was told of one agent.
    struct Told: Sendable {
        /// Whether it was there.
        let isOnline: Bool
        /// When that was found out.
        let at: Timestamp
    }

    /// How many rows one transaction writes or deletes.
    private static let batch = 500

    /// The table; append-only.
    static let migration = Migration(
        "002-presence",
        "CREATE TABLE alerts_presence (agent_id VARCHAR(64) PRIMARY KEY, is_online INTEGER NOT NULL, at BIGINT NOT NULL)"
    )

    /// What was told of all agents.
    ///
    /// - Throws: ``DatabaseError``.
    func all() async throws -> [String: Told] {
        try await database.read { connection in
            var told: [String: Told] = [:]
            try connection.forEach("SELECT agent_id, is_online, at FROM alerts_presence") { row in
                told[try row.get("agent_id")] = try Told(row)
            }
            return told
        }
    }

    /// Notes what is told from now on, if it is news.
    ///
    /// - Returns: Whether somebody should hear of it.
    /// - Throws: ``DatabaseError``.
    static func move(
        _ presence: AgentPresence, at time: Timestamp, now: Timestamp, _ connection: any SQLConnection
    ) throws -> Bool {
        let told = try connection.first(
            "SELECT is_online, at FROM alerts_presence WHERE agent_id = \(presence.agentID)", Told.init)
        guard let change = PresenceChange(from: told, to: presence, at: time, now: now) else { return false }
        try write(change.told, of: presence.agentID, connection)
        return change.isNews
    }

    /// Notes the first signs of agents, of which nobody needs to hear, unless more was told of them meanwhile.
    ///
    /// - Throws: ``DatabaseError``.
    func note(_ presences: [AgentPresence], at time: Timestamp, now: Timestamp) async throws {
        for start in stride(from: 0, to: presences.count, by: Self.batch) {
            let part = presences.dropFirst(start).prefix(Self.batch)
            try await database.write { connection in
                for presence in part { _ = try Self.move(presence, at: time, now: now, connection) }
            }
        }
    }

    /// Forgets agents.
    ///
    /// - Throws: ``DatabaseError``.
    func forget(_ agentIDs: [String]) async throws {
        for start in stride(from: 0, to: agentIDs.count, by: Self.batch) {
            let part = Array(agentIDs.dropFirst(start).prefix(Self.batch))
            _ = try await database.write { connection in
                try connection.execute("DELETE FROM alerts_presence WHERE agent_id IN (\(SQL.list(part)))")
            }
        }
    }

    private static func write(_ told: Told, of agentID: String, _ connection: any SQLConnection) throws {
        let changed = try connection.execute(
            "UPDATE alerts_presence SET is_online = \(told.isOnline), at = \(told.at) WHERE agent_id = \(agentID)")
        guard changed.changes == 0 else { return }
        try connection.execute(
            "INSERT INTO alerts_presence (agent_id, is_online, at) VALUES (\(agentID), \(told.isOnline), \(told.at))")
    }
}

extension PresenceStore.Told {
    /// Reads a row.
    init(_ row: Row) throws {
        self.init(isOnline: try row.get("is_online"), at: try row.get("at"))
    }
}
