import PluginAPI

/// The table of alerts.
///
/// It knows agents by their ids alone: alerts stay when their agent goes.
struct AlertStore: Sendable {
    /// The daemon's database.
    let database: any Database

    /// The tables; append-only.
    static let migrations = [
        table,
        Migration("004-open", "CREATE INDEX alerts_alerts_open ON alerts_alerts (acknowledged_at, created_at, id)"),
    ]
    private static let table = Migration("001-alerts") { dialect in
        [
            SQL(
                text: """
                    CREATE TABLE alerts_alerts (
                        id \(dialect.autoIncrementKey), agent_id VARCHAR(64) NOT NULL, alert_type VARCHAR(64) NOT NULL,
                        message \(dialect.longText) NOT NULL, payload \(dialect.longText), fold_key VARCHAR(64) NOT NULL,
                        times BIGINT NOT NULL, created_at BIGINT NOT NULL, last_at BIGINT NOT NULL,
                        acknowledged_at BIGINT, acknowledged_by VARCHAR(255))
                    """, values: []),
            "CREATE INDEX alerts_alerts_order ON alerts_alerts (created_at, id)",
            "CREATE INDEX alerts_alerts_agent ON alerts_alerts (agent_id, created_at, id)",
            "CREATE INDEX alerts_alerts_type ON alerts_alerts (alert_type, created_at, id)",
            "CREATE INDEX alerts_alerts_fold ON alerts_alerts (fold_key, created_at, id)",
        ]
    }

    /// The alerts that a query asks for, newest first.
    ///
    /// - Throws: ``DatabaseError``.
    func list(_ query: AlertQuery) async throws -> [Alert] {
        try await database.read { connection in
            let last = try query.before.flatMap { id in
                try connection.first("SELECT created_at FROM alerts_alerts WHERE id = \(id)") {
                    try $0.get("created_at", as: Timestamp.self)
                }
            }
            return try connection.all(query.statement(after: last), Alert.init)
        }
    }

    /// One alert.
    ///
    /// - Throws: ``HTTPError`` 404 `ALERT_NOT_FOUND`; ``DatabaseError``.
    func find(_ id: Int64) async throws -> Alert {
        try await database.read { try Self.find($0, id) }
    }

    /// Notes who saw to an alert, unless somebody did before.
    ///
    /// - Throws: as ``find(_:)``.
    func acknowledge(_ id: Int64, by actor: String, at time: Timestamp) async throws -> Alert {
        try await database.write { connection in
            try connection.execute(
                """
                UPDATE alerts_alerts SET acknowledged_at = \(time), acknowledged_by = \(actor)
                WHERE id = \(id) AND acknowledged_at IS NULL
                """)
            return try Self.find(connection, id)
        }
    }

    private static func find(_ connection: any SQLConnection, _ id: Int64) throws -> Alert {
        guard let alert = try connection.first("SELECT * FROM alerts_alerts WHERE id = \(id)", Alert.init) else {
            throw AlertCode.notFound
        }
        return alert
    }

    /// Counts a repeat at the newest open alert of the same key that is no further away than the window; `nil` when there is none.
    ///
    /// - Throws: ``DatabaseError``.
    static func fold(
        _ draft: AlertDraft, key: String, window: Duration, at time: Timestamp, _ connection: any SQLConnection
    ) throws -> Alert? {
        let since = time.advanced(by: .zero - window)
        // An alert of the future, made by a clock that was wrong, would swallow all repeats until then.
        let until = time.advanced(by: window)
        let found = try connection.first(
            """
            SELECT * FROM alerts_alerts
            WHERE fold_key = \(key) AND created_at > \(since) AND created_at < \(until) AND acknowledged_at + 0 IS NULL
            ORDER BY created_at DESC, id DESC LIMIT 1
            """, Alert.init)
        guard var alert = found else { return nil }
        alert.count += 1
        alert.lastAt = max(time, alert.lastAt)
        if let payload = draft.payload { alert.payload = payload }
        try connection.execute(
            """
            UPDATE alerts_alerts SET times = times + 1, last_at = \(alert.lastAt), payload = \(alert.payload)
            WHERE id = \(alert.id)
            """)
        return alert
    }

    /// Adds a row.
    ///
    /// - Throws: ``DatabaseError``.
    static func insert(
        _ draft: AlertDraft, key: String, at time: Timestamp, _ connection: any SQLConnection
    ) throws -> Alert {
        let result = try connection.execute(
            """
            INSERT INTO alerts_alerts (agent_id, alert_type, message, payload, fold_key, times, created_at, last_at)
            VALUES (\(draft.agentID), \(draft.type), \(draft.message), \(draft.payload), \(key), 1, \(time),
                \(time))
            """)
        return Alert(id: result.lastInsertID, draft, at: time)
    }
}
