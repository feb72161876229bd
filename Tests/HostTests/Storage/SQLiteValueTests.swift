import Host
import PluginAPI
import Testing

@Suite("SQLite values and statements")
struct SQLiteValueTests {
    @Test(
        "values come back as they were bound",
        arguments: [
            SQLValue.null, .integer(0), .integer(.min), .integer(.max), .real(0.1), .real(-1e300), .real(.infinity),
            .text(""), .text("a\u{0}b"), .text("日本 🦊 e\u{301}"), .text(String(repeating: "long ", count: 50_000)),
            .blob([]), .blob([0, 255, 0]),
        ])
    func roundTrip(value: SQLValue) async throws {
        let found = try await withDatabase { database in
            try await database.write { connection in
                try connection.execute("CREATE TABLE t_values (v BLOB)")
                try connection.execute(SQL(text: "INSERT INTO t_values VALUES (?)", values: [value]))
            }
            return try await database.read { try $0.first("SELECT v FROM t_values") { try $0.sqlValue("v") } }
        }
        #expect(found == value)
    }

    @Test("text that is not UTF-8 is repaired")
    func brokenText() async throws {
        try await withDatabase { database in
            let text = try await database.read { connection in
                try connection.first("SELECT CAST(x'61FF62' AS TEXT) AS v") { try $0.get("v", as: String.self) }
            }
            #expect(text == "a\u{FFFD}b")
        }
    }

    @Test(
        "INSTR means what it means in SQLite",
        arguments: [
            ("'abcabc', 'bc'", 2), ("'abc', 'abc'", 1), ("'abc', 'abcd'", 0), ("'abc', 'B'", 0), ("'abc', ''", 1),
            ("'', ''", 1), ("'', 'a'", 0), ("'日本 🦊 e', '🦊'", 4), ("'日本', '本'", 2), ("x'E697A5E69CAC', '本'", 2),
            ("x'E697A5E69CAC', x'E69CAC'", 4), ("x'', x''", 1), ("x'00', x'00'", 1), ("12345, 34", 3), ("0.5, '.'", 2),
            ("NULL, 'a'", nil), ("'a', NULL", nil), ("NULL, NULL", nil), ("'100%_', '%_'", 4), ("'aab', 'ab'", 2),
            ("'é', x'A9'", 0), ("x'C3A9', x'A9'", 2), ("'aéb', x'A962'", 0),
        ] as [(String, Int64?)])
    func instr(arguments: String, place: Int64?) async throws {
        let found = try await withDatabase { database in
            try await database.read { connection in
                let sql = SQL(text: "SELECT INSTR(\(arguments)) AS v", values: [])
                return try connection.first(sql) { try $0.sqlValue("v") }
            }
        }
        #expect(found == place.map { .integer($0) } ?? .null)
    }

    @Test("a row tells of a missing column and of a value of another type")
    func rowErrors() async throws {
        try await withDatabase { database in
            try await database.insert(1, "text")
            for body: @Sendable (Row) throws -> Void in [
                { _ = try $0.get("nothing", as: Int.self) }, { _ = try $0.get("text", as: Int.self) },
                { _ = try $0.get("none", as: Int.self) },
            ] {
                let found = await databaseReason {
                    try await database.read { try $0.forEach("SELECT id, text, NULL AS none FROM t_items", body) }
                }
                #expect(found == .misuse)
            }
        }
    }

    @Test("an execution tells how many rows changed and the new key")
    func executionResult() async throws {
        try await withDatabase { database in
            let results = try await database.write { connection in
                [
                    try connection.execute("INSERT INTO t_items (text) VALUES ('a'), ('b'), ('c')"),
                    try connection.execute("UPDATE t_items SET text = 'd' WHERE id > 1"),
                    try connection.execute("CREATE TABLE t_more (id INTEGER PRIMARY KEY)"),
                    try connection.execute("UPDATE t_items SET text = 'd' WHERE id > 100"),
                ]
            }
            #expect(results.map(\.changes) == [3, 2, 0, 0])
            #expect(results[0].lastInsertID == 3)
        }
    }

    @Test("forEach can be nested over the same statement, and left early")
    func nested() async throws {
        struct Enough: Error {}
        try await withDatabase { database in
            for id in 1...4 { try await database.insert(id) }
            let pairs = try await database.read { connection in
                var pairs = 0
                try connection.forEach("SELECT id FROM t_items") { _ in
                    try connection.forEach("SELECT id FROM t_items") { _ in pairs += 1 }
                }
                return pairs
            }
            #expect(pairs == 16)
            await #expect(throws: Enough.self) {
                try await database.read { try $0.forEach("SELECT id FROM t_items") { _ in throw Enough() } }
            }
            try await #expect(database.count() == 4)
        }
    }

    @Test("many different statements keep the cache at its limit and stay right")
    func manyStatements() async throws {
        var settings = SQLiteSettings()
        settings.statementLimit = 8
        try await withDatabase(settings: settings) { database in
            let sums = try await database.read { connection in
                try (0..<300).map { number in
                    let sql = SQL(text: "SELECT ? + \(number % 50) AS v", values: [.integer(Int64(number))])
                    return try connection.first(sql) { try $0.get("v", as: Int.self) } ?? -1
                }
            }
            #expect(sums == (0..<300).map { $0 + $0 % 50 })
        }
    }

    @Test("a statement kept from before a change of the schema sees the new columns")
    func schemaChange() async throws {
        try await withDatabase { database in
            try await database.insert(1)
            let columns: @Sendable (any SQLConnection) throws -> Int? = { connection in
                try connection.first("SELECT * FROM t_items") { row in
                    try row.optional("extra", as: Int.self)
                } ?? nil
            }
            #expect(await databaseReason { _ = try await database.write { try columns($0) } } == .misuse)
            _ = try await database.write { try $0.execute("ALTER TABLE t_items ADD COLUMN extra INTEGER DEFAULT 5") }
            try await #expect(database.write { try columns($0) } == 5)
            try await #expect(database.read { try columns($0) } == 5)
        }
    }

    @Test(
        "wrong statements are misuse",
        arguments: [
            "SELEC 1", "SELECT nothing FROM t_items", "", "  -- nothing", "SELECT 1; SELECT 2", "SELECT 1; garbage",
            "SELECT ?", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT x", "RELEASE one", "PRAGMA synchronous = OFF",
            "ATTACH 'x' AS y", "VACUUM", "SELECT \"no such column\"", "SELECT 1\u{0}", "SELECT load_extension('x')",
        ])
    func misuse(text: String) async throws {
        try await withDatabase { database in
            try await database.insert(1)
            let sql = SQL(text: text, values: [])
            #expect(await databaseReason { _ = try await database.write { try $0.execute(sql) } } == .misuse)
            #expect(await databaseReason { try await database.read { try $0.forEach(sql) { _ in } } } == .misuse)
            try await database.insert(2)
            try await #expect(database.count() == 2)
        }
    }

    @Test("a semicolon and a comment may follow a statement")
    func trailingComment() async throws {
        try await withDatabase { database in
            let value = try await database.read { connection in
                try connection.first("SELECT 3 AS v; -- that is all\n /* really */ ") { try $0.get("v", as: Int.self) }
            }
            #expect(value == 3)
        }
    }

    @Test("an error shows the statement but not its values")
    func errorText() async throws {
        try await withDatabase { database in
            let secret = "s3cr3t"
            let error = await #expect(throws: DatabaseError.self) {
                _ = try await database.write { try $0.execute("INSERT INTO t_nowhere VALUES (\(secret))") }
            }
            #expect(error?.message == "no such table: t_nowhere in: INSERT INTO t_nowhere VALUES (?)")
        }
    }

    @Test("a connection that is kept beyond its write is refused")
    func keptConnection() async throws {
        // Written by the database's thread, read after it has answered.
        final class Keeper: @unchecked Sendable {
            var connection: (any SQLConnection)?
            var row: Row?
        }
        try await withDatabase { database in
            try await database.insert(1)
            let keeper = Keeper()
            try await database.write { connection in
                keeper.connection = connection
                try connection.forEach("SELECT id FROM t_items") { keeper.row = $0 }
            }
            #expect(await databaseReason { try keeper.connection?.execute("DELETE FROM t_items") } == .misuse)
            #expect(await databaseReason { _ = try keeper.row?.get("id", as: Int.self) } == .misuse)
            try await #expect(database.count() == 1)
        }
    }
}
