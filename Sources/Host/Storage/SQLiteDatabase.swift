import Glibc
package import PluginAPI

/// The daemon's database in one file.
///
/// One thread writes. It runs all waiting writes in one transaction, each in a savepoint of its own, and answers them after the one
/// commit that puts them on disk. A few threads read what is committed. The file is in WAL mode, so readers and the writer do not wait
/// for each other.
package final class SQLiteDatabase: Database {
    package let dialect = SQLDialect.sqlite
    /// Where the file is.
    package let path: String

    private let settings: SQLiteSettings
    private let writer: WriteQueue
    private let readers: ReaderPool
    private let backups = BackupThread()

    private init(path: String, settings: SQLiteSettings, logger: Logger, removing directory: String?) throws {
        self.path = path
        self.settings = settings
        let readers = ReaderPool(path: path, settings: settings)
        let writer = WriteQueue(settings: settings, logger: logger)
        self.readers = readers
        self.writer = writer
        let backups = backups
        let connection = try SQLiteConnection(path: path, role: .writer, settings: settings)
        writer.start(connection) {
            readers.shutDown()
            backups.shutDown()
        } afterwards: {
            if let directory { TemporaryFile.remove(path, in: directory) }
        }
    }

    deinit {
        writer.requestClose()
    }

    /// Opens a file, which is made when it is missing, and starts the writing thread.
    ///
    /// `:memory:` is a file in a private temporary directory that does not wait for the disk and is removed on close: SQLite's own
    /// databases in memory know no WAL, so readers would wait for the writer, which tests should not see.
    ///
    /// - Throws: ``DatabaseError`` `io` when the file cannot be opened, `corrupt` when it is no database.
    package static func open(
        path: String, settings: SQLiteSettings = SQLiteSettings(), logger: Logger = Logger()
    ) throws -> SQLiteDatabase {
        guard path == ":memory:" else {
            return try SQLiteDatabase(path: path, settings: settings, logger: logger, removing: nil)
        }
        var settings = settings
        settings.isDurable = false
        let directory = try TemporaryFile.makeDirectory()
        let path = directory + "/comfyd.db"
        do {
            return try SQLiteDatabase(path: path, settings: settings, logger: logger, removing: directory)
        } catch {
            TemporaryFile.remove(path, in: directory)
            throw error
        }
    }

    package func read<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T {
        try await DatabaseCall.perform(body) { self.readers.submit($0) }
    }

    package func write<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T {
        try await DatabaseCall.perform(body) { self.writer.submit($0) }
    }

    /// Refuses new calls, finishes those that wait, copies the log into the file and closes it.
    package func close() async {
        await writer.close()
    }

    /// What was done since the start.
    package var statistics: SQLiteStatistics {
        var statistics = writer.statistics
        (statistics.reads, statistics.waitingReads) = readers.counts
        return statistics
    }

    /// Whether the file can be read, and written when the last commit failed; for health checks.
    package func isUsable() async -> Bool {
        do {
            _ = try await read {
                try $0.first("SELECT count(*) AS n FROM sqlite_schema") { try $0.get("n", as: Int.self) }
            }
            if writer.failure != nil { try await probe() }
            return true
        } catch {
            return false
        }
    }

    /// Writes something: nobody else may write while the daemon calls itself not ready, so health would never come back.
    ///
    /// It is as large as an ordinary job, or a nearly full disk would look usable again and again.
    private func probe() async throws {
        _ = try await write { connection in
            try connection.execute("CREATE TABLE IF NOT EXISTS comfyd_probe (id INTEGER PRIMARY KEY, filler BLOB)")
            try connection.execute("INSERT OR REPLACE INTO comfyd_probe VALUES (1, zeroblob(131072))")
            try connection.execute("DELETE FROM comfyd_probe")
        }
    }

    /// Copies the committed state into a new file, which appears only when it is complete and on disk.
    ///
    /// - Throws: ``DatabaseError`` `io` when the file exists or cannot be written, `full` when the disk is.
    package func backup(to target: String) async throws {
        try await backups.run(SQLiteBackup(source: path, settings: settings), to: target)
    }
}
