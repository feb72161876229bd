import PluginAPI

/// The marks of the servers on disk.
struct ServerMarkStore: Sendable {
    /// The daemon's database.
    let database: any Database

    /// What the audit table calls them.
    static let subject = "server-mark"

    /// All marks by the server's id.
    ///
    /// - Throws: ``DatabaseError``.
    func all() async throws -> [String: ServerMark] {
        try await database.read { connection in
            var marks: [String: ServerMark] = [:]
            try connection.forEach("SELECT * FROM catalogs_server_marks") { row in
                marks[try row.get("executor_id")] = try Self.mark(row)
            }
            return marks
        }
    }

    /// Writes what a snapshot found, within its transaction.
    ///
    /// - Throws: ``DatabaseError``.
    func write(
        _ findings: [ServerFinding], _ connection: any SQLConnection, by author: ChangeAuthor, at time: Timestamp
    ) throws {
        let upsert = database.dialect.upsert(key: ["executor_id"], update: ["sync_role", "last_sync_at"])
        for finding in findings {
            let id = finding.executorID
            let before = try connection.first(
                "SELECT * FROM catalogs_server_marks WHERE executor_id = \(id)", Self.mark)
            let mark = ServerMark(role: finding.role, lastSyncAt: finding.isInSync ? time : before?.lastSyncAt)
            guard mark != before else { continue }
            try connection.execute(
                """
                INSERT INTO catalogs_server_marks (executor_id, sync_role, last_sync_at)
                VALUES (\(id), \(mark.role.rawValue), \(mark.lastSyncAt)) \(unsafe: upsert)
                """)
            try AuditLog.write(
                connection, subject: Self.subject, rowID: id, rowKey: id, action: before == nil ? .create : .update,
                before: before?.json, after: mark.json, by: author, at: time)
        }
    }

    private static func mark(_ row: Row) throws -> ServerMark {
        ServerMark(
            role: ServerMark.Role(rawValue: try row.get("sync_role")) ?? .worker,
            lastSyncAt: try row.optional("last_sync_at", as: Timestamp.self))
    }
}

extension ServerMark {
    /// `{"sync_role", "last_sync_at"}`.
    var json: JSONObject {
        ["sync_role": .string(role.rawValue), "last_sync_at": .nullable(lastSyncAt?.iso8601)]
    }
}
