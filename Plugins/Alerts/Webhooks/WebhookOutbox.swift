import PluginAPI

/// What webhooks still have to be told; a row is there until its webhook has taken it, also across restarts.
struct WebhookOutbox: Sendable {
    /// The daemon's database.
    let database: any Database

    /// An alert that waits for a webhook.
    struct Entry: Sendable {
        /// The number of the row in the outbox.
        let id: Int64
        /// How often it was tried.
        let attempts: Int
        /// Since when it waits.
        let waitsSince: Timestamp
        /// The alert, with what was folded into it since.
        let alert: Alert

        init(_ row: Row) throws {
            id = try row.get("outbox_id")
            attempts = try row.get("attempts")
            waitsSince = try row.get("waits_since")
            alert = try Alert(row)
        }
    }

    /// How many alerts wait for one webhook at most; the oldest go.
    static let longest = 10_000
    private static let batch = 500

    /// The table; append-only.
    static let migration = Migration("003-outbox") { dialect in
        [
            SQL(
                text: """
                    CREATE TABLE alerts_outbox (
                        id \(dialect.autoIncrementKey), hook VARCHAR(64) NOT NULL, alert_id BIGINT NOT NULL,
                        attempts BIGINT NOT NULL, waits_since BIGINT NOT NULL, next_at BIGINT NOT NULL)
                    """, values: []),
            "CREATE INDEX alerts_outbox_hook ON alerts_outbox (hook, id)",
            "CREATE INDEX alerts_outbox_alert ON alerts_outbox (alert_id)",
        ]
    }

    /// Adds an alert for some webhooks, in the transaction that adds the alert.
    ///
    /// - Throws: ``DatabaseError``.
    static func add(_ alert: Alert, for hooks: [String], _ connection: any SQLConnection) throws {
        for hook in hooks {
            try connection.execute(
                """
                INSERT INTO alerts_outbox (hook, alert_id, attempts, waits_since, next_at)
                VALUES (\(hook), \(alert.id), 0, \(alert.createdAt), \(alert.createdAt))
                """)
        }
    }

    /// The oldest that may be tried now.
    ///
    /// - Throws: ``DatabaseError``.
    func due(_ hook: String, at time: Timestamp, limit: Int) async throws -> [Entry] {
        try await database.read { connection in
            try connection.all(
                """
                SELECT o.id AS outbox_id, o.attempts AS attempts, o.waits_since AS waits_since, a.*
                FROM alerts_outbox o JOIN alerts_alerts a ON a.id = o.alert_id
                WHERE o.hook = \(hook) AND o.next_at <= \(time) ORDER BY o.id LIMIT \(limit)
                """, Entry.init)
        }
    }

    /// When the next may be tried; `nil` when none waits.
    ///
    /// - Throws: ``DatabaseError``.
    func nextTime(_ hook: String) async throws -> Timestamp? {
        try await database.read { connection in
            try connection.first("SELECT next_at FROM alerts_outbox WHERE hook = \(hook) ORDER BY next_at LIMIT 1") {
                try $0.get("next_at")
            }
        }
    }

    /// Deletes what is done with.
    ///
    /// - Throws: ``DatabaseError``.
    func remove(_ entries: [Entry]) async throws {
        guard !entries.isEmpty else { return }
        _ = try await database.write { connection in
            try connection.execute("DELETE FROM alerts_outbox WHERE id IN (\(SQL.list(entries.map(\.id))))")
        }
    }

    /// Puts off what failed.
    ///
    /// - Throws: ``DatabaseError``.
    func postpone(_ entries: [Entry], until time: Timestamp) async throws {
        guard !entries.isEmpty else { return }
        _ = try await database.write { connection in
            try connection.execute(
                """
                UPDATE alerts_outbox SET attempts = attempts + 1, next_at = \(time)
                WHERE id IN (\(SQL.list(entries.map(\.id))))
                """)
        }
    }

    /// Deletes what waits for webhooks that are configured no more, and of one what is beyond ``longest``.
    ///
    /// - Returns: How many went.
    /// - Throws: ``DatabaseError``.
    func sweep(hooks: [String]) async throws -> Int {
        var count = 0
        let others: SQL = hooks.isEmpty ? "1 = 1" : "hook NOT IN (\(SQL.list(hooks)))"
        count += try await delete(where: others)
        for hook in hooks {
            let newestToGo = try await database.read { connection in
                try connection.first(
                    "SELECT id FROM alerts_outbox WHERE hook = \(hook) ORDER BY id DESC LIMIT 1 OFFSET \(Self.longest)"
                ) { try $0.get("id", as: Int64.self) }
            }
            if let newestToGo { count += try await delete(where: "hook = \(hook) AND id <= \(newestToGo)") }
        }
        return count
    }

    private func delete(where condition: SQL) async throws -> Int {
        var count = 0
        while !Task.isCancelled {
            let deleted = try await database.write { connection in
                let ids = try connection.all(
                    "SELECT id FROM alerts_outbox WHERE \(condition) ORDER BY id LIMIT \(Self.batch)"
                ) { try $0.get("id", as: Int64.self) }
                guard !ids.isEmpty else { return 0 }
                return try connection.execute("DELETE FROM alerts_outbox WHERE id IN (\(SQL.list(ids)))").changes
            }
            count += deleted
            guard deleted == Self.batch else { break }
        }
        return count
    }
}
