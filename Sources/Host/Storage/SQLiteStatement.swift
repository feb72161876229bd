import CSQLite
import PluginAPI

/// A prepared statement of one connection.
final class SQLiteStatement {
    let text: String
    private let connection: OpaquePointer
    private let statement: OpaquePointer
    private var columnNames: (preparation: Int32, names: [String])?

    /// Prepares the only statement of a text.
    ///
    /// - Throws: ``DatabaseError`` `misuse` when the text is wrong, empty or has more than one statement.
    init(_ text: String, on connection: OpaquePointer) throws {
        self.text = text
        self.connection = connection
        guard !text.utf8.contains(0) else { throw DatabaseError(.misuse, "a NUL in the SQL text") }
        var copy = text
        statement = try copy.withUTF8 { bytes in
            try bytes.withMemoryRebound(to: CChar.self) { characters in
                let (statement, rest) = try Self.prepare(characters, text, connection)
                guard let statement else { throw DatabaseError(.misuse, "no statement in: \(text)") }
                // What follows may be a comment.
                if let (more, _) = try? Self.prepare(rest, text, connection), more == nil { return statement }
                sqlite3_finalize(statement)
                throw DatabaseError(.misuse, "more than one statement in: \(text)")
            }
        }
    }

    deinit {
        sqlite3_finalize(statement)
    }

    /// Prepares the first statement; `nil` when there are only blanks and comments.
    private static func prepare(
        _ characters: UnsafeBufferPointer<CChar>, _ text: String, _ connection: OpaquePointer
    ) throws -> (OpaquePointer?, UnsafeBufferPointer<CChar>) {
        guard let start = characters.baseAddress, let count = Int32(exactly: characters.count), count > 0 else {
            return (nil, characters)
        }
        var statement: OpaquePointer?
        var tail: UnsafePointer<CChar>?
        let code = sqlite3_prepare_v3(
            connection, start, count, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, &tail)
        guard code == SQLITE_OK else { throw SQLiteFailure.error(code, connection, sql: text) }
        let used = tail.map { $0 - start } ?? characters.count
        return (statement, UnsafeBufferPointer(rebasing: characters.dropFirst(used)))
    }

    /// Whether it leaves the database as it is.
    var isReadOnly: Bool { sqlite3_stmt_readonly(statement) != 0 }

    /// Binds all values.
    func bind(_ values: [SQLValue]) throws {
        let expected = Int(sqlite3_bind_parameter_count(statement))
        guard values.count == expected else {
            throw DatabaseError(.misuse, "\(values.count) values for \(expected) places in: \(text)")
        }
        for (index, value) in values.enumerated() {
            let code = bind(value, at: Int32(truncatingIfNeeded: index + 1))
            guard code == SQLITE_OK else { throw SQLiteFailure.error(code, connection, sql: text) }
        }
    }

    private func bind(_ value: SQLValue, at index: Int32) -> Int32 {
        switch value {
        case .null: return sqlite3_bind_null(statement, index)
        case .integer(let value): return sqlite3_bind_int64(statement, index, value)
        case .real(let value): return sqlite3_bind_double(statement, index, value)
        case .text(var value):
            return value.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) {
                    comfyd_sqlite_bind_text(statement, index, $0.baseAddress, UInt64($0.count))
                }
            }
        case .blob(let value):
            return value.withUnsafeBytes {
                comfyd_sqlite_bind_blob(statement, index, $0.baseAddress, UInt64($0.count))
            }
        @unknown default: return SQLITE_MISMATCH
        }
    }

    /// Goes to the next row; false at the end.
    func step() throws -> Bool {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw SQLiteFailure.error(code, connection, sql: text)
        }
    }

    /// Makes it ready for the next use and lets go of the values.
    func reset() {
        sqlite3_reset(statement)
        sqlite3_clear_bindings(statement)
    }

    /// The names of the result's columns; asked again only when a change of the schema made SQLite prepare it again.
    var columns: [String] {
        let preparation = sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_REPREPARE, 0)
        if let columnNames, columnNames.preparation == preparation { return columnNames.names }
        let names = (0..<sqlite3_column_count(statement)).map { index in
            sqlite3_column_name(statement, index).map { String(cString: $0) } ?? ""
        }
        columnNames = (preparation, names)
        return names
    }

    /// A column of the current row; text that is not UTF-8 is repaired.
    func value(_ column: Int) -> SQLValue {
        let column = Int32(clamping: column)
        switch sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, column))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(statement, column))
        case SQLITE_TEXT:
            guard let bytes = sqlite3_column_text(statement, column) else { return .text("") }
            let count = Int(sqlite3_column_bytes(statement, column))
            return .text(String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self))
        case SQLITE_BLOB:
            guard let bytes = sqlite3_column_blob(statement, column) else { return .blob([]) }
            let count = Int(sqlite3_column_bytes(statement, column))
            return .blob(Array(UnsafeRawBufferPointer(start: bytes, count: count)))
        default: return .null
        }
    }
}
