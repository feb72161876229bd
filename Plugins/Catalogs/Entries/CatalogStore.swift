import PluginAPI

/// The rows of the catalogs on disk.
struct CatalogStore: Sendable {
    /// The daemon's database.
    let database: any Database
    /// The time that rows are given.
    let clock: any TimeSource

    /// How many rows of a list are read at a time.
    static let batch = 500

    /// Works on a database.
    init(database: any Database, clock: any TimeSource) {
        self.database = database
        self.clock = clock
    }

    /// The rows that a query asks for, the last changed first.
    ///
    /// - Returns: The first of them, and the numbers of those that follow.
    /// - Throws: ``DatabaseError``.
    func page(_ kind: CatalogKind, _ query: CatalogQuery) async throws -> (first: [CatalogEntry], rest: [Int64]) {
        try await database.read { connection in
            var (head, tail) = (query, query)
            head.limit = min(query.limit ?? .max, Self.batch)
            let first = try connection.all(head.statement(kind)) { try CatalogEntry(kind, $0) }
            tail.limit = query.limit.map { $0 - first.count }
            tail.offset += first.count
            guard first.count == Self.batch, tail.limit != 0 else { return (first, []) }
            return (first, try connection.all(tail.statement(kind, "id")) { try $0.get("id") })
        }
    }

    /// Those rows that are still there, in the order of their numbers.
    ///
    /// - Throws: ``DatabaseError``.
    func entries(_ kind: CatalogKind, _ ids: [Int64]) async throws -> [CatalogEntry] {
        try await database.read { connection in
            let numbers = SQL.numbers(ids, padded: Self.batch)
            var found: [Int64: CatalogEntry] = [:]
            try connection.forEach("SELECT * FROM \(identifier: kind.table) WHERE id IN (\(numbers))") { row in
                let entry = try CatalogEntry(kind, row)
                found[entry.id] = entry
            }
            return ids.compactMap { found[$0] }
        }
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
