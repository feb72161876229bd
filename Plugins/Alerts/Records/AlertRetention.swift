import PluginAPI

/// Deletes what is old and what is too much, a few rows at a time, so that other changes can go between.
struct AlertRetention: Sendable {
    /// Are told that alerts go which they wait for.
    let webhooks: Webhooks
    /// The daemon's database.
    let database: any Database
    /// How long alerts are kept; zero for ever.
    let age: Duration
    /// How many alerts are kept in all.
    let keep: Int
    /// How many alerts of one agent are kept.
    let keepPerAgent: Int
    /// Tells the time.
    let clock: any TimeSource
    /// Tells the operator.
    let logger: Logger

    /// How often it is done.
    static let interval = Duration.seconds(60)
    /// How many rows one transaction deletes.
    private static let batch = 500
    /// How many agents with too many alerts are dealt with in one go.
    private static let mostAgents = 100

    /// Deletes all that must go.
    ///
    /// - Throws: ``DatabaseError``, `CancellationError`.
    func sweep() async throws {
        var count = 0
        defer { if count > 0 { logger.info("old alerts deleted", ["alerts": "\(count)"]) } }
        if age > .zero {
            let cutoff = clock.wallClock.advanced(by: .zero - age)
            try await delete(where: "created_at < \(cutoff)", &count)
        }
        let crowded = try await database.read { connection in
            try connection.all(
                """
                SELECT agent_id FROM alerts_alerts GROUP BY agent_id HAVING COUNT(*) > \(keepPerAgent)
                LIMIT \(Self.mostAgents)
                """
            ) { try $0.get("agent_id", as: String.self) }
        }
        for agentID in crowded { try await delete(beyond: keepPerAgent, where: "agent_id = \(agentID)", &count) }
        try await delete(beyond: keep, where: "1 = 1", &count)
    }

    private func delete(beyond keep: Int, where scope: SQL, _ count: inout Int) async throws {
        let newestToGo = try await database.read { connection in
            try connection.first(
                """
                SELECT created_at, id FROM alerts_alerts WHERE \(scope)
                ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET \(keep)
                """
            ) { (try $0.get("created_at", as: Timestamp.self), try $0.get("id", as: Int64.self)) }
        }
        guard let (time, id) = newestToGo else { return }
        try await delete(
            where: "\(scope) AND (created_at < \(time) OR (created_at = \(time) AND id <= \(id)))", &count)
    }

    private func delete(where condition: SQL, _ count: inout Int) async throws {
        while !Task.isCancelled {
            let (deleted, leftOut) = try await database.write { connection -> (Int, [String: Int]) in
                let ids = try connection.all(
                    "SELECT id FROM alerts_alerts WHERE \(condition) ORDER BY created_at, id LIMIT \(Self.batch)"
                ) { try $0.get("id", as: Int64.self) }
                guard !ids.isEmpty else { return (0, [:]) }
                // Nobody is told any more of an alert that is gone.
                let leftOut = try WebhookOutbox.leaveOut("alert_id IN (\(SQL.list(ids)))", connection)
                let deleted = try connection.execute("DELETE FROM alerts_alerts WHERE id IN (\(SQL.list(ids)))")
                return (deleted.changes, leftOut)
            }
            count += deleted
            webhooks.leftOut(leftOut)
            guard deleted == Self.batch else { return }
        }
    }
}
