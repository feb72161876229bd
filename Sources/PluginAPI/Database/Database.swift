/// The daemon's database: SQLite in one file, or a MySQL server.
public protocol Database: Sendable {
    /// What differs between the engines.
    var dialect: SQLDialect { get }
    /// Reads on one of the host's database threads.
    ///
    /// - Throws: ``DatabaseError``, or what the body throws.
    func read<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T
    /// Runs one transaction; returns after it is on disk. A body that throws leaves no trace.
    ///
    /// Transactions that wait at the same time are committed together, so a body must not depend on being alone on disk.
    ///
    /// - Throws: ``DatabaseError``, or what the body throws.
    func write<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T
}

/// A connection inside ``Database/read(_:)`` or ``Database/write(_:)``; it cannot be kept.
public protocol SQLConnection {
    /// Runs a statement.
    @discardableResult func execute(_ sql: SQL) throws -> ExecutionResult
    /// Calls the body with each row; a row is valid only during its call.
    func forEach(_ sql: SQL, _ body: (Row) throws -> Void) throws
}

extension SQLConnection {
    /// All rows, each turned into a value.
    public func all<T>(_ sql: SQL, _ make: (Row) throws -> T) throws -> [T] {
        var values: [T] = []
        try forEach(sql) { values.append(try make($0)) }
        return values
    }

    /// The first row as a value, `nil` when there is none.
    public func first<T>(_ sql: SQL, _ make: (Row) throws -> T) throws -> T? {
        var value: T?
        try forEach(sql) { if value == nil { value = try make($0) } }
        return value
    }
}

/// What a statement did.
public struct ExecutionResult: Sendable {
    /// Rows inserted, updated or deleted.
    public var changes: Int
    /// The key that auto-increment gave to the last inserted row.
    public var lastInsertID: Int64

    /// Makes a result.
    public init(changes: Int, lastInsertID: Int64) {
        self.changes = changes
        self.lastInsertID = lastInsertID
    }
}

/// What differs between the two SQL engines.
public struct SQLDialect: Sendable, Equatable {
    /// `sqlite` or `mysql`.
    public let name: String
    /// The column type of an auto-increment primary key.
    public let autoIncrementKey: String
    /// The column type of texts of any size.
    public let longText: String
    /// The column type of bytes of any size.
    public let longBlob: String
    /// What follows `SELECT` to skip rows that others locked; empty where one writer works alone.
    public let skipLocked: String

    /// SQLite.
    public static let sqlite = SQLDialect(
        name: "sqlite", autoIncrementKey: "INTEGER PRIMARY KEY AUTOINCREMENT", longText: "TEXT", longBlob: "BLOB",
        skipLocked: "")
    /// MySQL and its kin.
    public static let mysql = SQLDialect(
        name: "mysql", autoIncrementKey: "BIGINT PRIMARY KEY AUTO_INCREMENT", longText: "LONGTEXT",
        longBlob: "LONGBLOB", skipLocked: "FOR UPDATE SKIP LOCKED")

    /// The head of an insert that does nothing when the key exists: `INSERT OR IGNORE INTO` or `INSERT IGNORE INTO`.
    public var insertIgnore: String { name == "mysql" ? "INSERT IGNORE INTO" : "INSERT OR IGNORE INTO" }

    /// The tail of an insert that updates columns when the key exists.
    public func upsert(key: [String], update columns: [String]) -> String {
        if name == "mysql" {
            return "ON DUPLICATE KEY UPDATE " + columns.map { "\($0) = VALUES(\($0))" }.joined(separator: ", ")
        }
        let updates = columns.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        return "ON CONFLICT (\(key.joined(separator: ", "))) DO UPDATE SET \(updates)"
    }
}

/// Why a statement failed.
public struct DatabaseError: HTTPErrorConvertible, Sendable, CustomStringConvertible {
    /// What went wrong.
    public enum Reason: Sendable, Hashable {
        /// The disk is full, or a size limit was reached.
        case full
        /// Somebody else held the database for too long.
        case busy
        /// A constraint of the schema was violated.
        case constraint
        /// The file is damaged or no database.
        case corrupt
        /// Reading or writing failed.
        case io
        /// The server cannot be reached.
        case unavailable
        /// A value of another type, a missing column, wrong SQL: a defect.
        case misuse
    }

    /// What went wrong.
    public var reason: Reason
    /// The engine's words; has no bound values.
    public var message: String

    /// Makes an error.
    public init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }

    /// Reason and words.
    public var description: String { "database: \(reason): \(message)" }

    /// 507 when full and 503 when busy or unreachable, both with `Retry-After`, else 500; the engine's words stay in the log.
    public var httpError: HTTPError {
        switch reason {
        case .full:
            HTTPError(
                .insufficientStorage, "storage.full", "The server's disk is full; nothing was stored.",
                headers: ["Retry-After": "10"], cause: self)
        case .busy, .unavailable, .io:
            HTTPError(
                .serviceUnavailable, "storage.unavailable", "The server's storage does not answer; try again.",
                headers: ["Retry-After": "2"], cause: self)
        default:
            HTTPError(.internalServerError, "internal", "Internal Server Error", cause: self)
        }
    }
}
