import PluginAPI

/// The rows of the catalogs on disk.
struct CatalogStore: Sendable {
    /// The daemon's database.
    let database: any Database
    /// The time that rows are given.
    let clock: any TimeSource

    /// Works on a database.
    init(database: any Database, clock: any TimeSource) {
        self.database = database
        self.clock = clock
    }

    /// Hands all rows that a query asks for to a body, the last changed first.
    ///
    /// - Returns: What the body made of them.
    /// - Throws: ``DatabaseError``.
    func list<T: Sendable>(
        _ kind: CatalogKind, _ query: CatalogQuery, into initial: T,
        _ take: @escaping @Sendable (inout T, CatalogEntry) -> Void
    ) async throws -> T {
        try await fold(query.statement(kind), kind, into: initial, take)
    }

    /// Hands all rows that a statement gives to a body, in its order.
    ///
    /// - Returns: What the body made of them.
    /// - Throws: ``DatabaseError``.
    func fold<T: Sendable>(
        _ statement: SQL, _ kind: CatalogKind, into initial: T,
        _ take: @escaping @Sendable (inout T, CatalogEntry) -> Void
    ) async throws -> T {
        try await database.read { connection in
            var result = initial
            try connection.forEach(statement) { take(&result, try CatalogEntry(kind, $0)) }
            return result
        }
    }

    /// The row with a number.
    ///
    /// - Throws: ``HTTPError`` 404 `NOT_FOUND`; ``DatabaseError``.
    func entry(_ kind: CatalogKind, _ id: Int64) async throws -> CatalogEntry {
        let entry = try await database.read { connection in
            try connection.first("SELECT * FROM \(identifier: kind.table) WHERE id = \(id)") {
                try CatalogEntry(kind, $0)
            }
        }
        guard let entry else { throw HTTPError.noSuchEntry(kind) }
        return entry
    }

    /// Runs changes of one catalog as one transaction; they are on disk when it returns.
    ///
    /// - Throws: ``DatabaseError``; what the body throws, and then nothing was changed.
    func change<T: Sendable>(
        _ kind: CatalogKind, by author: ChangeAuthor, _ body: @escaping @Sendable (CatalogWriter) throws -> T
    ) async throws -> T {
        let time = clock.wallClock
        return try await database.write { connection in
            try body(CatalogWriter(connection: connection, kind: kind, author: author, time: time))
        }
    }
}
