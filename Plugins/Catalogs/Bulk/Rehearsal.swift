import PluginAPI

/// A connection that reads and only pretends to write.
struct Rehearsal: SQLConnection {
    /// The connection that reads.
    let connection: any SQLConnection

    func execute(_ sql: SQL) -> ExecutionResult { ExecutionResult(changes: 1, lastInsertID: 0) }

    func forEach(_ sql: SQL, _ body: (Row) throws -> Void) throws { try connection.forEach(sql, body) }
}

extension CatalogStore {
    /// Runs changes of one catalog without storing them; none of them sees another.
    ///
    /// - Throws: ``DatabaseError``; what the body throws.
    func rehearse<T: Sendable>(
        _ kind: CatalogKind, by author: ChangeAuthor, _ body: @escaping @Sendable (CatalogWriter) throws -> T
    ) async throws -> T {
        let time = clock.wallClock
        return try await database.read { connection in
            try body(
                CatalogWriter(connection: Rehearsal(connection: connection), kind: kind, author: author, time: time))
        }
    }
}
