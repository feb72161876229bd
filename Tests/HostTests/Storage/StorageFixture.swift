import Glibc
import Host
import PluginAPI
import Testing

/// A directory that is gone when the test is over.
final class StorageDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/comfyd-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in names { unlink(file(name)) }
        rmdir(path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    var names: [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    func mode(of name: String) -> UInt32? {
        var facts = stat()
        return stat(file(name), &facts) == 0 ? facts.st_mode & 0o777 : nil
    }

    func content(of name: String) -> [UInt8]? {
        let descriptor = open(file(name), O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(descriptor, &chunk, chunk.count), count > 0 { content += chunk.prefix(count) }
        return content
    }

    func write(_ content: [UInt8], to name: String, mode: UInt32 = 0o600) throws {
        let descriptor = open(file(name), O_WRONLY | O_CREAT | O_TRUNC, mode)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        fchmod(descriptor, mode)
        try #require(Glibc.write(descriptor, content, content.count) == content.count)
    }
}

/// Opens a database with a table of numbers and texts, and closes it after the test.
func withDatabase<T>(
    _ path: String = ":memory:", settings: SQLiteSettings = SQLiteSettings(), logger: Logger = Logger(),
    _ body: (SQLiteDatabase) async throws -> T
) async throws -> T {
    let database = try SQLiteDatabase.open(path: path, settings: settings, logger: logger)
    do {
        _ = try await database.write {
            try $0.execute("CREATE TABLE IF NOT EXISTS t_items (id INTEGER PRIMARY KEY, text TEXT)")
        }
        let result = try await body(database)
        await database.close()
        return result
    } catch {
        await database.close()
        throw error
    }
}

extension SQLiteDatabase {
    func count(where condition: SQL = "1 = 1") async throws -> Int {
        try await read { connection in
            try connection.first("SELECT count(*) AS n FROM t_items WHERE \(condition)") { try $0.get("n") } ?? -1
        }
    }

    func insert(_ id: Int, _ text: String = "x") async throws {
        _ = try await write { try $0.execute("INSERT INTO t_items VALUES (\(id), \(text))") }
    }
}

/// The reason of the database error that a body throws.
func databaseReason(_ body: () async throws -> Void) async -> DatabaseError.Reason? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? DatabaseError)?.reason
    }
}

/// Holds a database thread until it is opened.
final class ThreadGate: Sendable {
    private let entered = Semaphore()
    private let opened = Semaphore()

    /// Called by the held thread.
    func pass() {
        entered.signal()
        opened.wait()
    }

    /// Waits, off the tasks' threads, until a thread is held.
    func waitUntilHeld() async {
        let pool = BlockingPool(threads: 1)
        try? await pool.run { self.entered.wait() }
        pool.shutDown()
    }

    func open() {
        opened.signal()
    }
}
