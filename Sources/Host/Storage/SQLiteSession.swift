import PluginAPI

/// What a body gets to see of a connection, for as long as it runs.
final class SQLiteSession: SQLConnection {
    private var connection: SQLiteConnection?

    init(_ connection: SQLiteConnection) {
        self.connection = connection
    }

    /// Makes all further use an error.
    func end() {
        connection = nil
    }

    func execute(_ sql: SQL) throws -> ExecutionResult {
        let connection = try usable()
        return try connection.withStatement(sql) { statement in
            let before = connection.totalChanges
            while try statement.step() {}
            // SQLite's own counter still tells of an earlier statement when this one changed nothing.
            let changes = connection.totalChanges == before ? 0 : connection.lastChanges
            return ExecutionResult(changes: changes, lastInsertID: connection.lastInsertID)
        }
    }

    func forEach(_ sql: SQL, _ body: (Row) throws -> Void) throws {
        try usable().withStatement(sql) { statement in
            guard try statement.step() else { return }
            let cursor = Cursor(statement)
            defer { cursor.statement = nil }
            let row = Row(columns: statement.columns) { cursor.statement?.value($0) ?? .null }
            repeat { try body(row) } while try statement.step()
        }
    }

    private func usable() throws -> SQLiteConnection {
        guard let connection else {
            throw DatabaseError(.misuse, "a connection was kept beyond its read or write")
        }
        // Otherwise what follows would be committed statement by statement.
        guard connection.isInTransaction else {
            throw DatabaseError(.io, "an earlier error ended the transaction")
        }
        return connection
    }
}

/// The row a statement stands on; empty once the statement is given back.
private final class Cursor {
    var statement: SQLiteStatement?

    init(_ statement: SQLiteStatement) {
        self.statement = statement
    }
}
