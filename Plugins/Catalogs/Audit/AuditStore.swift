import PluginAPI

/// Reads the audit table, and deletes what is old.
struct AuditStore: Sendable {
    private let database: any Database
    private let clock: any TimeSource
    private let logger: Logger

    /// How many lines are read at a time.
    static let batch = 100
    /// How many lines one transaction deletes.
    private static let sweep = 500

    /// Works on a plugin's database.
    init(_ context: PluginContext) {
        database = context.database
        clock = context.clock
        logger = context.logger
    }

    /// The numbers of the lines that a query asks for, newest first.
    ///
    /// - Throws: ``DatabaseError``.
    func numbers(_ query: AuditQuery) async throws -> [Int64] {
        try await database.read { try $0.all(query.statement) { try $0.get("id") } }
    }

    /// The JSON text of some lines in the order of their numbers, with commas between them.
    ///
    /// What was before and after is stored as text and stays text.
    ///
    /// - Throws: ``DatabaseError``.
    func text(_ ids: [Int64]) async throws -> [UInt8] {
        guard !ids.isEmpty else { return [] }
        return try await database.read { connection in
            var found: [Int64: String] = [:]
            let numbers = SQL.numbers(ids, padded: Self.batch)
            try connection.forEach("SELECT * FROM catalogs_audit WHERE id IN (\(numbers))") { row in
                found[try row.get("id")] = try line(row)
            }
            return Array(ids.compactMap { found[$0] }.joined(separator: ",").utf8)
        }
    }

    private func line(_ row: Row) throws -> String {
        var facts: JSONObject = [
            "id": .number(JSONNumber(try row.get("id", as: Int.self))),
            "at": .string(try row.get("at", as: Timestamp.self).iso8601),
        ]
        for name in ["actor", "address", "request_id", "subject", "row_id", "row_key", "action"] {
            facts[name] = .string(try row.get(name))
        }
        let before = try row.optional("before_json", as: String.self) ?? "null"
        let after = try row.optional("after_json", as: String.self) ?? "null"
        return "\(JSON.object(facts).text().dropLast()),\"before\":\(before),\"after\":\(after)}"
    }

    /// Deletes the lines older than that, a few at a time, so that other changes can go between.
    ///
    /// - Throws: ``DatabaseError``, `CancellationError`.
    func deleteOlder(than age: Duration) async throws {
        let cutoff = clock.wallClock.advanced(by: .zero - age)
        var count = 0
        defer { if count > 0 { logger.info("old lines of the audit table deleted", ["lines": "\(count)"]) } }
        while !Task.isCancelled {
            let began = clock.now
            let deleted = try await database.write { connection in
                let ids = try connection.all(
                    "SELECT id FROM catalogs_audit WHERE at < \(cutoff) ORDER BY at, id LIMIT \(Self.sweep)"
                ) { try $0.get("id", as: Int64.self) }
                let numbers = SQL.numbers(ids, padded: Self.sweep)
                return try connection.execute("DELETE FROM catalogs_audit WHERE id IN (\(numbers))").changes
            }
            count += deleted
            guard deleted == Self.sweep else { return }
            try await clock.sleep(for: began.duration(to: clock.now))
        }
    }
}
