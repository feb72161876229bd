import Glibc
import Host
import PluginAPI
import Testing

@Suite("SQLite readers, errors and backups")
struct SQLiteIsolationTests {
    @Test("a read keeps its view while others write, and a later read sees what was written")
    func readerIsolation() async throws {
        try await withDatabase { database in
            try await database.insert(1)
            let gate = ThreadGate()
            async let counts = database.read { connection in
                let count: SQL = "SELECT count(*) AS n FROM t_items"
                let before = try connection.first(count) { try $0.get("n", as: Int.self) }
                gate.pass()
                let after = try connection.first(count) { try $0.get("n", as: Int.self) }
                return [before, after]
            }
            await gate.waitUntilHeld()
            try await database.insert(2)
            try await #expect(database.count() == 2)
            gate.open()
            try await #expect(counts == [1, 1])
        }
    }

    @Test("a read sees nothing of a write that has not been committed")
    func uncommitted() async throws {
        try await withDatabase { database in
            let gate = ThreadGate()
            async let writing = database.write { connection in
                defer { gate.pass() }
                return try connection.execute("INSERT INTO t_items VALUES (1, 'x')")
            }
            await gate.waitUntilHeld()
            try await #expect(database.count() == 0)
            gate.open()
            _ = try await writing
            try await #expect(database.count() == 1)
        }
    }

    @Test("a read cannot change anything")
    func readOnly() async throws {
        try await withDatabase { database in
            let found = await databaseReason {
                _ = try await database.read { try $0.execute("INSERT INTO t_items VALUES (1, 'x')") }
            }
            #expect(found == .misuse)
            try await #expect(database.count() == 0)
        }
    }

    @Test("a full database fails its writes as full, acknowledges nothing, and works again when there is room")
    func full() async throws {
        var settings = SQLiteSettings()
        settings.pageLimit = 60
        let log = LineSink()
        try await withDatabase(settings: settings, logger: Logger(sink: log)) { database in
            let text = String(repeating: "x", count: 20_000)
            var stored = 0
            var failure: DatabaseError.Reason?
            while failure == nil, stored < 100 {
                let id = stored
                failure = await databaseReason { try await database.insert(id, text) }
                if failure == nil { stored += 1 }
            }
            #expect(failure == .full)
            #expect(stored > 3 && stored < 20)
            try await #expect(database.count() == stored)
            #expect(log.count("the database takes no writes") == 1)
            #expect(await database.isUsable() == false)

            // Many at once: each is either stored or refused, never both.
            let refused = await withTaskGroup(of: Bool.self) { group in
                for id in 1000..<1020 {
                    group.addTask { await databaseReason { try await database.insert(id, text) } == .full }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            try await #expect(database.count() == stored + 20 - refused)
            #expect(refused >= 19)

            _ = try await database.write { try $0.execute("DELETE FROM t_items") }
            try await database.insert(1, text)
            try await #expect(database.count() == 1)
            #expect(await database.isUsable())
            #expect(log.count("the database takes writes again") == 1)
        }
    }

    @Test("a write that ignores the error which ended its transaction is not acknowledged")
    func ignoredError() async throws {
        var settings = SQLiteSettings()
        settings.pageLimit = 20
        try await withDatabase(settings: settings) { database in
            let text = String(repeating: "x", count: 200_000)
            let found = await databaseReason {
                try await database.write { connection in
                    try connection.execute("INSERT INTO t_items VALUES (1, 'x')")
                    _ = try? connection.execute("INSERT INTO t_items VALUES (2, \(text))")
                    _ = try? connection.execute("INSERT INTO t_items VALUES (3, 'x')")
                }
            }
            #expect(found == .full)
            try await #expect(database.count() == 0)
        }
    }

    @Test("a lock held by another connection makes writes busy, and they work when it is gone")
    func busy() async throws {
        let directory = try StorageDirectory()
        var settings = SQLiteSettings()
        settings.busyTimeout = .milliseconds(20)
        try await withDatabase(directory.file("a.db"), settings: settings) { database in
            try await withDatabase(directory.file("a.db")) { other in
                let gate = ThreadGate()
                async let held: Void = other.write { connection in
                    try connection.execute("INSERT INTO t_items VALUES (1, 'x')")
                    gate.pass()
                }
                await gate.waitUntilHeld()
                #expect(await databaseReason { try await database.insert(2) } == .busy)
                try await #expect(database.count() == 0)
                gate.open()
                try await held
            }
            try await database.insert(2)
            try await #expect(database.count() == 2)
        }
    }

    @Test("a file that is no database is corrupt, a directory cannot be opened")
    func wrongFiles() async throws {
        let directory = try StorageDirectory()
        try directory.write(Array(repeating: 0x61, count: 8192), to: "a.db")
        #expect(await databaseReason { _ = try SQLiteDatabase.open(path: directory.file("a.db")) } == .corrupt)
        #expect(await databaseReason { _ = try SQLiteDatabase.open(path: directory.path) } == .io)
        #expect(await databaseReason { _ = try SQLiteDatabase.open(path: directory.file("no/where.db")) } == .io)
    }

    @Test("damage inside the file is told as corrupt")
    func damaged() async throws {
        let directory = try StorageDirectory()
        try await withDatabase(directory.file("a.db")) { database in
            for id in 0..<50 { try await database.insert(id, String(repeating: "x", count: 2000)) }
        }
        var content = try #require(directory.content(of: "a.db"))
        for index in 4096..<content.count { content[index] = 0x5A }
        try directory.write(content, to: "a.db")
        let database = try SQLiteDatabase.open(path: directory.file("a.db"))
        #expect(await databaseReason { _ = try await database.count() } == .corrupt)
        #expect(await databaseReason { try await database.insert(100) } == .corrupt)
        await database.close()
    }

    @Test("the files are for their owner only")
    func modes() async throws {
        let directory = try StorageDirectory()
        try await withDatabase(directory.file("a.db")) { database in
            try await database.insert(1)
            for name in ["a.db", "a.db-wal", "a.db-shm"] { #expect(directory.mode(of: name) == 0o600) }
        }
    }

    @Test("a backup has the committed rows, is private, and never replaces a file")
    func backup() async throws {
        let directory = try StorageDirectory()
        try await withDatabase(directory.file("a.db")) { database in
            for id in 0..<20 { try await database.insert(id) }
            try await database.backup(to: directory.file("b.db"))
            try await database.insert(20)
            #expect(directory.mode(of: "b.db") == 0o600)
            #expect(await databaseReason { try await database.backup(to: directory.file("b.db")) } == .io)
            #expect(await databaseReason { try await database.backup(to: directory.file("no/c.db")) } == .io)
        }
        #expect(directory.names.sorted() == ["a.db", "b.db"])
        try await #expect(withDatabase(directory.file("b.db")) { try await $0.count() } == 20)
    }

    @Test("many reads at once are all answered")
    func manyReads() async throws {
        try await withDatabase { database in
            try await database.insert(1)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<500 { group.addTask { try await database.count() } }
                for try await count in group { #expect(count == 1) }
            }
            #expect(database.statistics.reads == 500)
            #expect(database.statistics.waitingReads == 0)
        }
    }
}
