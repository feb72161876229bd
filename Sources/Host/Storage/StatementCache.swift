/// The prepared statements of one connection, the least recently used dropped first.
struct StatementCache {
    private struct Entry {
        let statement: SQLiteStatement
        var lastUse: UInt64
    }

    private let limit: Int
    private var entries: [String: Entry] = [:]
    private var uses: UInt64 = 0

    init(limit: Int) {
        self.limit = max(0, limit)
    }

    /// Takes a statement out, so that a nested use of the same text gets another one.
    mutating func take(_ text: String) -> SQLiteStatement? {
        entries.removeValue(forKey: text)?.statement
    }

    /// Puts a statement back.
    mutating func put(_ statement: SQLiteStatement) {
        uses &+= 1
        entries[statement.text] = Entry(statement: statement, lastUse: uses)
        guard entries.count > limit, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) else {
            return
        }
        entries.removeValue(forKey: oldest.key)
    }

    mutating func removeAll() {
        entries.removeAll()
    }
}
