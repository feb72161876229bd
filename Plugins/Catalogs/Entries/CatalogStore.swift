import PluginAPI

/// The rows of the catalogs on disk.
struct CatalogStore: Sendable {
    /// The daemon's database.
    let database: any Database
    /// The time that rows are given.
    let clock: any TimeSource

    /// How many rows of a list are read at a time.
    static let batch = 500
    /// What most pages have at most; their statement is shorter.
    private static let shortPage = 50

    /// Works on a database.
    init(database: any Database, clock: any TimeSource) {
        self.database = database
        self.clock = clock
    }

    /// The rows that a query asks for, the last changed first.
    ///
    /// Their numbers are found first, by the index alone: looking at a row costs more than looking at ten in the index.
    ///
    /// - Returns: The first of them, and the numbers of those that follow.
    /// - Throws: ``DatabaseError``.
    func page(_ kind: CatalogKind, _ query: CatalogQuery) async throws -> (first: [CatalogEntry], rest: [Int64]) {
        try await database.read { connection in
            let ids = try connection.all(query.statement(kind)) { try $0.get("id", as: Int64.self) }
            let first = try Self.entries(connection, kind, Array(ids.prefix(Self.batch)))
            return (first, Array(ids.dropFirst(Self.batch)))
        }
    }

    /// Those rows that are still there, in the order of their numbers; at most ``batch``.
    ///
    /// - Throws: ``DatabaseError``.
    func entries(_ kind: CatalogKind, _ ids: [Int64]) async throws -> [CatalogEntry] {
        try await database.read { try Self.entries($0, kind, ids) }
    }

    private static func entries(
        _ connection: any SQLConnection, _ kind: CatalogKind, _ ids: [Int64]
    ) throws -> [CatalogEntry] {
        guard !ids.isEmpty else { return [] }
        let numbers = SQL.numbers(ids, padded: ids.count > shortPage ? batch : shortPage)
        var found: [Int64: CatalogEntry] = [:]
        try connection.forEach("SELECT * FROM \(identifier: kind.table) WHERE id IN (\(numbers))") { row in
            let entry = try CatalogEntry(kind, row)
            found[entry.id] = entry
        }
        return ids.compactMap { found[$0] }
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
        guard let entry = try await entries(kind, [id]).first else { throw HTTPError.noSuchEntry(kind) }
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
