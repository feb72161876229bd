import Host
import PluginAPI
import Testing

@Suite("Migrations")
struct MigratorTests {
    private let first = Migration("001-a", "CREATE TABLE p_a (id INTEGER PRIMARY KEY)")
    private let second = Migration("002-b", "CREATE TABLE p_b (id INTEGER PRIMARY KEY)", "INSERT INTO p_b VALUES (7)")
    private let third = Migration("003-c", "ALTER TABLE p_a ADD COLUMN c TEXT")

    private func refusal(_ migrator: Migrator, _ migrations: [Migration]) async -> String? {
        do {
            try await migrator.run(plugin: "p", migrations)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test("migrations run once, in order, and later only the new ones")
    func runsOnce() async throws {
        try await withDatabase { database in
            let migrator = Migrator(database: database)
            try await #expect(migrator.run(plugin: "p", [first, second]) == ["001-a", "002-b"])
            try await #expect(migrator.run(plugin: "p", [first, second]) == [])
            try await #expect(migrator.run(plugin: "p", [first, second, third]) == ["003-c"])
            try await #expect(
                migrator.run(plugin: "q", [Migration("001-a", "CREATE TABLE q_a (id INTEGER)")]) == ["001-a"])
            try await #expect(migrator.run(plugin: "r", []) == [])
            let rows = try await database.read { try $0.all("SELECT id FROM p_b") { try $0.get("id", as: Int.self) } }
            #expect(rows == [7])
        }
    }

    @Test("a changed migration is refused by name, and nothing runs")
    func changed() async throws {
        try await withDatabase { database in
            let migrator = Migrator(database: database)
            try await migrator.run(plugin: "p", [first])
            let other = Migration("001-a", "CREATE TABLE p_a (id BIGINT)")
            let words = await refusal(migrator, [other, second])
            #expect(words?.hasPrefix("migration p/001-a was changed after it was applied: ") == true)
            try await #expect(migrator.run(plugin: "p", [first, second]) == ["002-b"])
        }
    }

    @Test("a changed value of a migration counts as a change")
    func changedValue() async throws {
        try await withDatabase { database in
            let migrator = Migrator(database: database)
            let make = { (value: Int) in Migration("002-x", "INSERT INTO p_a VALUES (\(value))") }
            try await migrator.run(plugin: "p", [first, make(1)])
            #expect(await refusal(migrator, [first, make(2)])?.contains("was changed") == true)
            #expect(await refusal(migrator, [first, make(1)]) == nil)
        }
    }

    @Test("a migration removed from the middle is refused")
    func removed() async throws {
        try await withDatabase { database in
            let migrator = Migrator(database: database)
            try await migrator.run(plugin: "p", [first, second, third])
            #expect(
                await refusal(migrator, [first, third])
                    == "migration p/002-b was applied but is not listed any more; migrations must not be removed")
        }
    }

    @Test("a migration added in the middle is refused")
    func insertedBefore() async throws {
        try await withDatabase { database in
            let migrator = Migrator(database: database)
            try await migrator.run(plugin: "p", [first, third])
            #expect(
                await refusal(migrator, [first, second, third])?.hasPrefix("migration p/002-b was added before p/003-c")
                    == true)
        }
    }

    @Test("a database of a newer version is refused and says so", arguments: [1, 0])
    func newer(known: Int) async throws {
        try await withDatabase { database in
            let migrator = Migrator(database: database)
            try await migrator.run(plugin: "p", [first, second])
            let words = await refusal(migrator, Array([first].prefix(known)))
            #expect(words?.hasPrefix("the database was written by a newer version of p") == true)
        }
    }

    @Test("ids that are repeated or go down are refused")
    func order() async throws {
        try await withDatabase { database in
            let migrator = Migrator(database: database)
            #expect(await refusal(migrator, [first, first])?.contains("ids go up") == true)
            #expect(await refusal(migrator, [second, first])?.contains("ids go up") == true)
        }
    }

    @Test("a failing migration leaves no trace, is named, and can be corrected")
    func failing() async throws {
        try await withDatabase { database in
            let migrator = Migrator(database: database)
            let broken = Migration("002-b", "CREATE TABLE p_b (id INTEGER)", "INSERT INTO p_nothing VALUES (1)")
            let words = await refusal(migrator, [first, broken])
            #expect(words?.hasPrefix("migration p/002-b failed: database: misuse: no such table: p_nothing") == true)
            try await #expect(migrator.run(plugin: "p", [first, second]) == ["002-b"])
        }
    }

    @Test("two statements in one text are refused")
    func twoStatements() async throws {
        try await withDatabase { database in
            let migrator = Migrator(database: database)
            let both = Migration("001-a", "CREATE TABLE p_a (id INTEGER); CREATE TABLE p_b (id INTEGER)")
            #expect(await refusal(migrator, [both])?.contains("more than one statement") == true)
        }
    }
}
