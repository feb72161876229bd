import PluginAPI

/// A snapshot as it is stored.
struct StoredDiff: Sendable {
    /// The number it was given.
    let id: Int64
    /// The baseline, as the caller named it.
    let baseline: String
    /// When it was stored.
    let createdAt: Timestamp
    /// The snapshot, JSON text.
    let payload: [UInt8]

    /// The row as it is answered; the snapshot goes out as it is stored.
    var text: [UInt8] {
        var text = JSON.object(["id": .number(JSONNumber(Int(id))), "baseline_executor_id": .string(baseline)])
            .serialized()
        text.removeLast()
        text.reserveCapacity(text.count + payload.count + 64)
        text += #","payload":"#.utf8
        text += payload
        text += #","created_at":"\#(createdAt.iso8601)"}"#.utf8
        return text
    }
}

/// The snapshots on disk.
struct DiffStore: Sendable {
    /// The daemon's database.
    let database: any Database
    /// Gives the time.
    let clock: any TimeSource
    /// How many are kept.
    let keep: Int
    /// The marks of the servers.
    let marks: ServerMarkStore

    /// What the audit table calls snapshots.
    static let subject = "server-diff"

    /// The tables; append-only.
    static let migration = Migration("003-server-diff") { dialect in
        let exact = dialect.name == "mysql" ? " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" : ""
        return [
            SQL(
                text: """
                    CREATE TABLE catalogs_server_diffs (
                        id \(dialect.autoIncrementKey), baseline_executor_id VARCHAR(255) NOT NULL,
                        created_at BIGINT NOT NULL, payload \(dialect.longText) NOT NULL)
                    """, values: []),
            SQL(
                text: """
                    CREATE TABLE catalogs_server_marks (
                        executor_id VARCHAR(255)\(exact) NOT NULL PRIMARY KEY, sync_role VARCHAR(16) NOT NULL,
                        last_sync_at BIGINT)
                    """, values: []),
        ]
    }

    /// Stores a snapshot and marks the servers, as one transaction; the oldest beyond those that are kept are gone then.
    ///
    /// - Parameters:
    ///   - payload: JSON text.
    ///   - isComputed: Whether the daemon made it.
    /// - Throws: ``DatabaseError``.
    func save(
        baseline: String, payload: [UInt8], isComputed: Bool, findings: [ServerFinding], by author: ChangeAuthor
    ) async throws -> StoredDiff {
        let time = clock.wallClock
        let id = try await database.write { connection in
            let id = try connection.execute(
                """
                INSERT INTO catalogs_server_diffs (baseline_executor_id, created_at, payload)
                VALUES (\(baseline), \(time), \(String(decoding: payload, as: UTF8.self)))
                """
            ).lastInsertID
            let facts: JSONObject = [
                "baseline_executor_id": .string(baseline), "created_at": .string(time.iso8601),
                "computed": .bool(isComputed), "bytes": .number(JSONNumber(payload.count)),
                "executorIds": .array(findings.map { .string($0.executorID) }),
            ]
            try AuditLog.write(
                connection, subject: Self.subject, rowID: String(id), rowKey: baseline, action: .create, before: nil,
                after: facts, by: author, at: time)
            try marks.write(findings, connection, by: author, at: time)
            try removeOld(connection, by: author, at: time)
            return id
        }
        return StoredDiff(id: id, baseline: baseline, createdAt: time, payload: payload)
    }

    /// The numbers of the newest snapshots, the newest first, and the first of them.
    ///
    /// - Throws: ``DatabaseError``.
    func newest(_ limit: Int) async throws -> (ids: [Int64], first: StoredDiff?) {
        try await database.read { connection in
            let ids = try connection.all("SELECT id FROM catalogs_server_diffs ORDER BY id DESC LIMIT \(limit)") {
                row in
                try row.get("id", as: Int64.self)
            }
            return (ids, try ids.first.flatMap { try Self.diff($0, connection) })
        }
    }

    /// A snapshot; `nil` when it is gone.
    ///
    /// - Throws: ``DatabaseError``.
    func diff(_ id: Int64) async throws -> StoredDiff? {
        try await database.read { try Self.diff(id, $0) }
    }

    private static func diff(_ id: Int64, _ connection: any SQLConnection) throws -> StoredDiff? {
        try connection.first("SELECT * FROM catalogs_server_diffs WHERE id = \(id)") { row in
            StoredDiff(
                id: id, baseline: try row.get("baseline_executor_id"), createdAt: try row.get("created_at"),
                payload: Array(try row.get("payload", as: String.self).utf8))
        }
    }

    /// How many old snapshots one write removes at most: after ``keep`` was lowered the others go with the next ones.
    private static let mostRemoved = 100

    private func removeOld(_ connection: any SQLConnection, by author: ChangeAuthor, at time: Timestamp) throws {
        let newestOld = try connection.first(
            "SELECT id FROM catalogs_server_diffs ORDER BY id DESC LIMIT 1 OFFSET \(keep)"
        ) { row -> Int64 in try row.get("id") }
        guard let newestOld else { return }
        let old = try connection.all(
            """
            SELECT id, baseline_executor_id, created_at FROM catalogs_server_diffs WHERE id <= \(newestOld)
            ORDER BY id LIMIT \(Self.mostRemoved)
            """
        ) { row -> (Int64, String, Timestamp) in
            (try row.get("id"), try row.get("baseline_executor_id"), try row.get("created_at"))
        }
        for (id, baseline, createdAt) in old {
            try connection.execute("DELETE FROM catalogs_server_diffs WHERE id = \(id)")
            try AuditLog.write(
                connection, subject: Self.subject, rowID: String(id), rowKey: baseline, action: .delete,
                before: ["baseline_executor_id": .string(baseline), "created_at": .string(createdAt.iso8601)],
                after: nil, by: author, at: time)
        }
    }
}
