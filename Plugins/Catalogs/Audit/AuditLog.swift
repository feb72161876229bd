import PluginAPI

/// The audit table: each change of a row is written in the transaction that makes it, and never changed.
enum AuditLog {
    /// The table; append-only.
    ///
    /// Each index has the order of the list; the last one has all that is mostly compared, so that lines which are not asked for
    /// are never read.
    static let migration = Migration("002-audit") { dialect in
        [
            SQL(
                text: """
                    CREATE TABLE catalogs_audit (
                        id \(dialect.autoIncrementKey), at BIGINT NOT NULL, actor VARCHAR(255) NOT NULL,
                        address VARCHAR(64) NOT NULL, request_id VARCHAR(255) NOT NULL, subject VARCHAR(32) NOT NULL, row_id VARCHAR(64) NOT NULL,
                        row_key VARCHAR(400) NOT NULL, action VARCHAR(16) NOT NULL,
                        before_json \(dialect.longText), after_json \(dialect.longText))
                    """, values: []),
            "CREATE INDEX catalogs_audit_row ON catalogs_audit (row_id, at, id)",
            "CREATE INDEX catalogs_audit_request ON catalogs_audit (request_id, at, id)",
            "CREATE INDEX catalogs_audit_order ON catalogs_audit (at, id, subject, action, actor)",
        ]
    }

    /// Writes a line within a transaction.
    ///
    /// - Parameters:
    ///   - subject: The catalog, or another kind of thing that is changed, such as `server-diff`.
    ///   - rowID: The row within it.
    ///   - rowKey: What people call it.
    /// - Throws: ``DatabaseError``.
    static func write(
        _ connection: any SQLConnection, subject: String, rowID: String, rowKey: String, action: AuditAction,
        before: JSONObject?, after: JSONObject?, by author: ChangeAuthor, at time: Timestamp
    ) throws {
        try connection.execute(
            """
            INSERT INTO catalogs_audit
                (at, actor, address, request_id, subject, row_id, row_key, action, before_json, after_json)
            VALUES (\(time), \(author.actor), \(author.address), \(author.requestID), \(subject), \(rowID), \(rowKey),
                \(action.rawValue), \(before.map { JSON.object($0).text() }), \(after.map { JSON.object($0).text() }))
            """)
    }
}
