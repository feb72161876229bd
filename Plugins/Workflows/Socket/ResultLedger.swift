import PluginAPI

/// Remembers on disk which results WebSocket clients were told, so that each is told once, also after a restart.
struct ResultLedger: Sendable {
    private let database: any Database
    private let clock: any TimeSource

    /// How long a result is kept for a client that is away; zero keeps none.
    let window: Duration

    /// Makes a ledger.
    init(database: any Database, clock: any TimeSource, window: Duration) {
        self.database = database
        self.clock = clock
        self.window = window
    }

    /// The table; append-only.
    static let migrations = [
        Migration("001-results") { _ in
            [
                """
                CREATE TABLE workflows_results (
                    prompt_id VARCHAR(255) NOT NULL, reader VARCHAR(255) NOT NULL, sent_at BIGINT NOT NULL,
                    PRIMARY KEY (prompt_id, reader))
                """,
                "CREATE INDEX workflows_results_sent ON workflows_results (sent_at)",
            ]
        }
    ]

    /// Who is told: the caller of a key that sees its own prompts alone, or all others together.
    ///
    /// So what an administrator is told under a customer's client id is not taken from the customer.
    static func reader(_ principal: Principal?) -> String { JobCaller.limit(of: principal) ?? "" }

    /// How many ids one statement names.
    private static let mostIDs = 500

    /// Those of a client's prompts whose result it has missed, the oldest first: they ended within the window and were not told.
    ///
    /// - Parameter reader: See ``reader(_:)``.
    /// - Throws: ``DatabaseError``.
    func missed(of jobs: [PromptJob], by reader: String) async throws -> [PromptJob] {
        guard window > .zero else { return [] }
        let earliest = clock.wallClock.milliseconds - window.inNanoseconds / 1_000_000
        let ended = jobs.filter { $0.state.isFinal && ($0.finishedAt?.milliseconds ?? .max) >= earliest }
        let told = try await told(among: ended.map(\.promptID), to: reader)
        return ended.filter { !told.contains($0.promptID) }
            .sorted { ($0.finishedAt?.milliseconds ?? 0) < ($1.finishedAt?.milliseconds ?? 0) }
    }

    /// Those of some prompts whose result was told.
    ///
    /// - Throws: ``DatabaseError``.
    func told(among ids: [String], to reader: String) async throws -> Set<String> {
        guard window > .zero, !ids.isEmpty else { return [] }
        return try await database.read { connection in
            var told: Set<String> = []
            var rest = ids[...]
            while !rest.isEmpty {
                let some = Array(rest.prefix(Self.mostIDs))
                rest = rest.dropFirst(Self.mostIDs)
                let query: SQL = """
                    SELECT prompt_id FROM workflows_results WHERE reader = \(reader) AND prompt_id IN (\(SQL.list(some)))
                    """
                told.formUnion(try connection.all(query) { try $0.get("prompt_id", as: String.self) })
            }
            return told
        }
    }

    /// Remembers that a client was told how prompts ended.
    ///
    /// - Throws: ``DatabaseError``.
    func mark(_ promptIDs: [String], by reader: String) async throws {
        guard window > .zero, !promptIDs.isEmpty else { return }
        let now = clock.wallClock
        try await database.write { [dialect = database.dialect] connection in
            for promptID in promptIDs {
                try connection.execute(
                    """
                    \(unsafe: dialect.insertIgnore) workflows_results (prompt_id, reader, sent_at)
                    VALUES (\(promptID), \(reader), \(now))
                    """)
            }
        }
    }

    /// Forgets what no client can miss any more.
    ///
    /// - Throws: ``DatabaseError``.
    func deleteOld() async throws {
        let latest = clock.wallClock.milliseconds - window.inNanoseconds / 1_000_000 * 2
        _ = try await database.write { connection in
            try connection.execute("DELETE FROM workflows_results WHERE sent_at < \(latest)")
        }
    }
}
