import CSQLite
import Glibc
import PluginAPI

/// One open connection, used by one thread at a time.
final class SQLiteConnection {
    /// What a connection is for.
    enum Role {
        case writer
        case reader
    }

    let role: Role
    private let handle: OpaquePointer
    private let guarding: StatementGuard
    private var cache: StatementCache
    // Apart, because SQLite asks the guard only when a statement is prepared.
    private var hostCache = StatementCache(limit: 32)

    /// Opens a file; a writer makes it when it is missing, readable by its owner only.
    init(path: String, role: Role, settings: SQLiteSettings) throws {
        self.role = role
        var handle: OpaquePointer?
        let access = role == .writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY
        if role == .writer { Self.createPrivately(path) }
        let code = sqlite3_open_v2(path, &handle, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard code == SQLITE_OK, let handle else {
            defer { sqlite3_close_v2(handle) }
            throw SQLiteFailure.error(code, handle)
        }
        self.handle = handle
        guarding = StatementGuard()
        cache = StatementCache(limit: settings.statementLimit)
        comfyd_sqlite_harden(handle)
        SQLiteFunctions.add(to: handle)
        sqlite3_busy_timeout(handle, Int32(clamping: settings.busyTimeout.inNanoseconds / 1_000_000))
        try configure(settings)
        guarding.watch(handle)
    }

    deinit {
        cache.removeAll()
        hostCache.removeAll()
        sqlite3_close_v2(handle)
    }

    /// The journal's files take the mode of the database's.
    private static func createPrivately(_ path: String) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        if descriptor >= 0 { close(descriptor) }
    }

    private func configure(_ settings: SQLiteSettings) throws {
        let cacheKiB = role == .writer ? settings.writerCacheKiB : settings.readerCacheKiB
        try run("PRAGMA cache_size = -\(cacheKiB)")
        // Savepoints keep what they undo in memory instead of a temporary file.
        try run("PRAGMA temp_store = MEMORY")
        guard role == .writer else { return }
        try run("PRAGMA journal_mode = WAL")
        try run("PRAGMA synchronous = \(settings.isDurable ? "FULL" : "OFF")")
        try run("PRAGMA wal_autocheckpoint = \(settings.checkpointPages)")
        try run("PRAGMA journal_size_limit = \(settings.journalSizeLimit)")
        if let limit = settings.pageLimit { try run("PRAGMA max_page_count = \(limit)") }
        // Finds out now whether the file is a database.
        try run("SELECT count(*) FROM sqlite_schema")
    }

    /// Runs a statement of the host's own.
    func run(_ text: String) throws {
        let statement = try hostCache.take(text) ?? SQLiteStatement(text, on: handle)
        defer {
            statement.reset()
            hostCache.put(statement)
        }
        while try statement.step() {}
    }

    /// Writes a compact copy of the committed state into an empty or missing file.
    func copy(to path: String) throws {
        let statement = try SQLiteStatement("VACUUM INTO ?", on: handle)
        try statement.bind([.text(path)])
        while try statement.step() {}
    }

    /// Lends a prepared statement of a session with its values bound.
    func withStatement<T>(_ sql: SQL, _ body: (SQLiteStatement) throws -> T) throws -> T {
        let statement = try cache.take(sql.text) ?? SQLiteStatement(sql.text, on: handle)
        defer {
            statement.reset()
            cache.put(statement)
        }
        if role == .reader, !statement.isReadOnly {
            throw DatabaseError(.misuse, "a read cannot change the database: \(sql.text)")
        }
        try statement.bind(sql.values)
        return try body(statement)
    }

    /// Runs a body with a session that may not touch transactions, settings or files, and that ends with the body.
    func withSession<T>(_ body: (any SQLConnection) throws -> T) throws -> T {
        let session = SQLiteSession(self)
        guarding.isActive = true
        defer {
            guarding.isActive = false
            session.end()
        }
        return try body(session)
    }

    /// Whether a transaction is open: SQLite ends it by itself after some errors, such as a full disk.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// Whether a deferred foreign key is violated, which would make the commit fail.
    var hasUnresolvedForeignKeys: Bool {
        var current: Int32 = 0
        var highest: Int32 = 0
        sqlite3_db_status(handle, SQLITE_DBSTATUS_DEFERRED_FKS, &current, &highest, 0)
        return current != 0
    }

    /// Rows changed since the connection was opened.
    var totalChanges: Int64 { sqlite3_total_changes64(handle) }
    /// Rows changed by the last statement that changes rows.
    var lastChanges: Int { Int(sqlite3_changes64(handle)) }
    /// The key of the last inserted row.
    var lastInsertID: Int64 { sqlite3_last_insert_rowid(handle) }
}

/// Refuses statements that belong to the host while a body of somebody else runs.
private final class StatementGuard {
    var isActive = false

    /// Makes SQLite ask this object, which must live as long as the connection.
    func watch(_ handle: OpaquePointer) {
        sqlite3_set_authorizer(
            handle,
            { context, action, _, _, _, _ in
                guard let context else { return SQLITE_OK }
                let watched = Unmanaged<StatementGuard>.fromOpaque(context).takeUnretainedValue()
                guard watched.isActive else { return SQLITE_OK }
                switch action {
                case SQLITE_TRANSACTION, SQLITE_SAVEPOINT, SQLITE_ATTACH, SQLITE_DETACH, SQLITE_PRAGMA:
                    return SQLITE_DENY
                default: return SQLITE_OK
                }
            }, Unmanaged.passUnretained(self).toOpaque())
    }
}
