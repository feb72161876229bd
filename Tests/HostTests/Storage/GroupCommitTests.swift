import Glibc
import Host
import PluginAPI
import Testing

@Suite("Group commit")
struct GroupCommitTests {
    /// Takes everything that waits into one group, however slow the machine is.
    private var patient: SQLiteSettings {
        var settings = SQLiteSettings()
        settings.groupBudget = .seconds(60)
        return settings
    }

    private struct Oops: Error, Equatable {
        var number: Int
    }

    @Test("concurrent writes share commits, and all of them are in the file")
    func sharedCommits() async throws {
        let directory = try StorageDirectory()
        let path = directory.file("a.db")
        try await withDatabase(path) { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in 0..<500 { group.addTask { try await database.insert(id) } }
                try await group.waitForAll()
            }
            let statistics = database.statistics
            #expect(statistics.writes == 501)
            #expect(statistics.commits < 400)
            #expect(statistics.largestGroup > 1)
            #expect(statistics.largestGroup <= 256)
        }
        try await #expect(withDatabase(path) { try await $0.count() } == 500)
        #expect(directory.names == ["a.db"])
    }

    @Test("what was acknowledged is in the files at that moment, without a close")
    func acknowledgedIsStored() async throws {
        let directory = try StorageDirectory()
        try await withDatabase(directory.file("a.db")) { database in
            for id in 0..<50 { try await database.insert(id) }
            // As after a kill: the files as they are now.
            for suffix in ["", "-wal"] {
                try directory.write(try #require(directory.content(of: "a.db" + suffix)), to: "b.db" + suffix)
            }
        }
        try await #expect(withDatabase(directory.file("b.db")) { try await $0.count() } == 50)
    }

    @Test("a throwing write is undone alone, its neighbours in the same commit stay")
    func throwingBody() async throws {
        try await withDatabase(settings: patient) { database in
            let gate = ThreadGate()
            async let held: Void = database.write { _ in gate.pass() }
            await gate.waitUntilHeld()
            let outcomes = try await withThrowingTaskGroup(of: Oops?.self) { group in
                for id in 0..<100 {
                    group.addTask {
                        do {
                            try await database.write { connection in
                                try connection.execute("INSERT INTO t_items VALUES (\(id), 'x')")
                                if id % 3 == 0 { throw Oops(number: id) }
                            }
                            return nil
                        } catch let error as Oops {
                            return error
                        }
                    }
                }
                while database.statistics.waitingWrites < 100 { await Task.yield() }
                gate.open()
                return try await group.reduce(into: [Int]()) { if let oops = $1 { $0.append(oops.number) } }
            }
            try await held
            #expect(outcomes.sorted() == (0..<100).filter { $0 % 3 == 0 })
            try await #expect(database.count() == 66)
            try await #expect(database.count(where: "id % 3 = 0") == 0)
            #expect(database.statistics.lastGroup == 67)
            #expect(database.statistics.failedWrites == 34)
        }
    }

    @Test("a constraint violation is undone alone and named")
    func constraint() async throws {
        try await withDatabase { database in
            try await database.insert(1)
            #expect(await databaseReason { try await database.insert(1) } == .constraint)
            #expect(await databaseReason { try await database.insert(2) } == nil)
            try await #expect(database.count() == 2)
        }
    }

    @Test("a deferred foreign key fails its own write, not the commit of its neighbours")
    func deferredForeignKey() async throws {
        try await withDatabase(settings: patient) { database in
            try await database.write { connection in
                try connection.execute("CREATE TABLE t_parents (id INTEGER PRIMARY KEY)")
                try connection.execute(
                    """
                    CREATE TABLE t_children (id INTEGER PRIMARY KEY,
                    parent BIGINT REFERENCES t_parents (id) DEFERRABLE INITIALLY DEFERRED)
                    """)
            }
            let gate = ThreadGate()
            async let held: Void = database.write { _ in gate.pass() }
            await gate.waitUntilHeld()
            async let good: Void = database.insert(1)
            async let bad = databaseReason {
                _ = try await database.write { try $0.execute("INSERT INTO t_children VALUES (1, 7)") }
            }
            while database.statistics.waitingWrites < 2 { await Task.yield() }
            gate.open()
            try await held
            try await good
            #expect(await bad == .constraint)
            #expect(database.statistics.lastGroup == 2)
            try await #expect(database.count() == 1)
        }
    }

    @Test("a write sees the writes before it, also those of its own group")
    func order() async throws {
        try await withDatabase { database in
            try await database.insert(0, "0")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        _ = try await database.write { connection in
                            let text = try connection.first("SELECT text FROM t_items WHERE id = 0") {
                                try $0.get("text", as: String.self)
                            }
                            let next = (text.flatMap { Int($0) } ?? -1000) + 1
                            try connection.execute("UPDATE t_items SET text = \(String(next)) WHERE id = 0")
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await #expect(database.count(where: "text = '200'") == 1)
        }
    }

    @Test("a write that waits is dropped when its task is cancelled; one that runs goes on")
    func cancellation() async throws {
        try await withDatabase { database in
            let gate = ThreadGate()
            let running = Task {
                try await database.write { connection in
                    gate.pass()
                    return try connection.execute("INSERT INTO t_items VALUES (1, 'x')")
                }
            }
            await gate.waitUntilHeld()
            let waiting = Task { try await database.insert(2) }
            while database.statistics.waitingWrites < 1 { await Task.yield() }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            running.cancel()
            gate.open()
            try await #expect(running.value.changes == 1)
            try await #expect(database.count(where: "id = 1") == 1)
            try await #expect(database.count() == 1)
        }
    }

    @Test("a task that is cancelled already writes nothing")
    func cancelledBefore() async throws {
        try await withDatabase { database in
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                try await database.insert(1)
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await #expect(database.count() == 0)
        }
    }

    @Test("more waiting writes than the limit are refused as busy")
    func queueLimit() async throws {
        var settings = SQLiteSettings()
        settings.queueLimit = 3
        try await withDatabase(settings: settings) { database in
            let gate = ThreadGate()
            async let held: Void = database.write { _ in gate.pass() }
            await gate.waitUntilHeld()
            let reasons = await withTaskGroup(of: DatabaseError.Reason?.self) { group in
                for id in 0..<10 { group.addTask { await databaseReason { try await database.insert(id) } } }
                var reasons: [DatabaseError.Reason?] = []
                for await reason in group {
                    reasons.append(reason)
                    if reasons.count == 7 { gate.open() }
                }
                return reasons
            }
            try await held
            #expect(reasons.filter { $0 == .busy }.count == 7)
            try await #expect(database.count() == 3)
        }
    }

    @Test("close finishes what waits, and refuses what comes after")
    func close() async throws {
        let directory = try StorageDirectory()
        let database = try SQLiteDatabase.open(path: directory.file("a.db"))
        _ = try await database.write { try $0.execute("CREATE TABLE t_items (id INTEGER PRIMARY KEY, text TEXT)") }
        let gate = ThreadGate()
        async let held: Void = database.write { _ in gate.pass() }
        await gate.waitUntilHeld()
        async let waiting: Void = database.insert(1)
        while database.statistics.waitingWrites < 1 { await Task.yield() }
        async let closed: Void = database.close()
        gate.open()
        try await held
        try await waiting
        await closed
        await database.close()
        #expect(await databaseReason { try await database.insert(2) } == .unavailable)
        #expect(await databaseReason { _ = try await database.count() } == .unavailable)
        #expect(await databaseReason { try await database.backup(to: directory.file("b.db")) } == .unavailable)
        #expect(await database.isUsable() == false)
        #expect(directory.names == ["a.db"])
    }

    @Test("a database of :memory: leaves nothing behind")
    func memory() async throws {
        let path = try await withDatabase { database in
            try await database.insert(1)
            #expect(access(database.path, F_OK) == 0)
            return database.path
        }
        #expect(access(path, F_OK) != 0)
    }
}
