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
        /// The alert, with what was folded into it since.
        let alert: Alert

        init(_ row: Row) throws {
            id = try row.get("outbox_id")
            attempts = try row.get("attempts")
            alert = try Alert(row)
        }
    }

    /// What one message tells.
    struct Batch: Sendable {
        /// The alerts.
        var entries: [Entry]
        /// How many alerts the webhook will not be told of, besides those that earlier messages counted.
        var leftOut: Int
    }

    /// How many alerts wait for one webhook at most; the oldest go.
    static let longest = 10_000
    /// How many wait at most for one that people read.
    static let longestForPeople = 200
    /// How many rows one transaction deletes.
    private static let batch = 500

    /// The alerts that a webhook may be told of now, the oldest first.
    ///
    /// - Throws: ``DatabaseError``.
    func due(_ hook: String, at time: Timestamp, limit: Int) async throws -> Batch {
        // None is put off for longer than this: a later one was put off by a clock that was wrong.
        let latest = time.advanced(by: WebhookDelivery.longestPause)
        return try await database.read { connection in
            let entries = try connection.all(
                """
                SELECT o.id AS outbox_id, o.attempts AS attempts, a.*
                FROM alerts_outbox o JOIN alerts_alerts a ON a.id = o.alert_id
                WHERE o.hook = \(hook) AND (o.next_at <= \(time) OR o.next_at > \(latest)) ORDER BY o.id LIMIT \(limit)
                """, Entry.init)
            let leftOut = try connection.first("SELECT alerts FROM alerts_left_out WHERE hook = \(hook)") {
                try $0.get("alerts", as: Int.self)
            }
            return Batch(entries: entries, leftOut: leftOut ?? 0)
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

    /// How many alerts wait.
    ///
    /// - Throws: ``DatabaseError``.
    func count(_ hook: String) async throws -> Int {
        try await database.read { connection in
            try connection.first("SELECT COUNT(*) AS n FROM alerts_outbox WHERE hook = \(hook)") { try $0.get("n") }
                ?? 0
        }
    }

    /// Deletes what a webhook was told.
    ///
    /// - Throws: ``DatabaseError``.
    func remove(_ told: Batch, of hook: String) async throws {
        try await database.write { connection in
            let ids = told.entries.map(\.id)
            if !ids.isEmpty { try connection.execute("DELETE FROM alerts_outbox WHERE id IN (\(SQL.list(ids)))") }
            guard told.leftOut > 0 else { return }
            // More may have been left out since the message was made.
            try connection.execute(
                "UPDATE alerts_left_out SET alerts = alerts - \(told.leftOut) WHERE hook = \(hook)")
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

    /// Leaves out an alert that will never be taken.
    ///
    /// - Throws: ``DatabaseError``.
    func giveUp(_ entry: Entry) async throws {
        _ = try await database.write { try Self.leaveOut("id = \(entry.id)", $0) }
    }

    /// Leaves out what waits since before a moment.
    ///
    /// - Returns: How many.
    /// - Throws: ``DatabaseError``.
    func giveUp(_ hook: String, before time: Timestamp) async throws -> Int {
        try await leaveOut(where: "hook = \(hook) AND waits_since <= \(time)")
    }

    /// Leaves out the oldest of a webhook for which too many wait.
    ///
    /// - Returns: How many.
    /// - Throws: ``DatabaseError``.
    func trim(_ hook: String, to limit: Int) async throws -> Int {
        let newestToGo = try await database.read { connection in
            try connection.first(
                "SELECT id FROM alerts_outbox WHERE hook = \(hook) ORDER BY id DESC LIMIT 1 OFFSET \(limit)"
            ) { try $0.get("id", as: Int64.self) }
        }
        guard let newestToGo else { return 0 }
        return try await leaveOut(where: "hook = \(hook) AND id <= \(newestToGo)")
    }

    /// Forgets webhooks that are configured no more.
    ///
    /// - Returns: How many alerts waited for them.
    /// - Throws: ``DatabaseError``.
    func keepOnly(_ hooks: [String]) async throws -> Int {
        let others: SQL = hooks.isEmpty ? "1 = 1" : "hook NOT IN (\(SQL.list(hooks)))"
        let count = try await leaveOut(where: others)
        _ = try await database.write { try $0.execute("DELETE FROM alerts_left_out WHERE \(others)") }
        return count
    }

    private func leaveOut(where condition: SQL) async throws -> Int {
        var count = 0
        while !Task.isCancelled {
            let left = try await database.write { connection in
                let ids = try connection.all(
                    "SELECT id FROM alerts_outbox WHERE \(condition) ORDER BY id LIMIT \(Self.batch)"
                ) { try $0.get("id", as: Int64.self) }
                guard !ids.isEmpty else { return 0 }
                return try Self.leaveOut("id IN (\(SQL.list(ids)))", connection).values.reduce(0, +)
            }
            count += left
            guard left == Self.batch else { break }
        }
        return count
    }
}

// MARK: - In the transactions of others

extension WebhookOutbox {
    /// Adds an alert for some webhooks, in the transaction that adds the alert.
    ///
    /// - Throws: ``DatabaseError``.
    static func add(_ alert: Alert, for hooks: [String], _ connection: any SQLConnection) throws {
        for hook in hooks {
            try connection.execute(
                """
                INSERT INTO alerts_outbox (hook, alert_id, attempts, waits_since, next_at)
                VALUES (\(hook), \(alert.id), 0, \(alert.createdAt), 0)
                """)
        }
    }

    /// Deletes rows, and counts them as what their webhooks will not be told of.
    ///
    /// - Returns: How many, by webhook.
    /// - Throws: ``DatabaseError``.
    @discardableResult
    static func leaveOut(_ condition: SQL, _ connection: any SQLConnection) throws -> [String: Int] {
        var counts: [String: Int] = [:]
        try connection.forEach("SELECT hook, COUNT(*) AS n FROM alerts_outbox WHERE \(condition) GROUP BY hook") {
            counts[try $0.get("hook")] = try $0.get("n", as: Int.self)
        }
        guard !counts.isEmpty else { return [:] }
        try connection.execute("DELETE FROM alerts_outbox WHERE \(condition)")
        for (hook, count) in counts {
            let known = try connection.execute(
                "UPDATE alerts_left_out SET alerts = alerts + \(count) WHERE hook = \(hook)")
            guard known.changes == 0 else { continue }
            try connection.execute("INSERT INTO alerts_left_out (hook, alerts) VALUES (\(hook), \(count))")
        }
        return counts
    }

    /// The tables; append-only.
    static let migrations = [
        Migration("003-outbox") { dialect in
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
        },
        Migration(
            "005-left-out", "CREATE TABLE alerts_left_out (hook VARCHAR(64) PRIMARY KEY, alerts BIGINT NOT NULL)"),
    ]
}
