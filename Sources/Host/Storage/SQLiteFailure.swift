import CSQLite
import PluginAPI

/// Turns SQLite's result codes into the API's errors.
enum SQLiteFailure {
    /// The error of a connection's last call; `sql` is shown for defects only and has no values in it.
    static func error(_ code: Int32, _ connection: OpaquePointer?, sql: String? = nil) -> DatabaseError {
        let words =
            connection.flatMap { sqlite3_errcode($0) == code ? sqlite3_errmsg($0) : nil } ?? sqlite3_errstr(code)
        let message = words.map { String(cString: $0) } ?? "SQLite result \(code)"
        let reason = reason(of: code)
        guard reason == .misuse, let sql else { return DatabaseError(reason, message) }
        return DatabaseError(.misuse, "\(message) in: \(sql)")
    }

    private static func reason(of code: Int32) -> DatabaseError.Reason {
        // The low byte is the primary code.
        switch code & 0xFF {
        case SQLITE_FULL, SQLITE_TOOBIG: .full
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL: .busy
        case SQLITE_CONSTRAINT: .constraint
        case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
        case SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_READONLY: .io
        case SQLITE_NOMEM: .unavailable
        default: .misuse
        }
    }
}
