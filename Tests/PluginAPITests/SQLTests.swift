import PluginAPI
import Testing

@Suite("SQL statements")
struct SQLTests {
    @Test("values are bound, never spliced")
    func binding() {
        let evil = "x'; DROP TABLE t; --"
        let none: Int? = nil
        let some: Int? = 3
        let statement: SQL =
            "SELECT \(evil), \(5), \(true), \(2.5), \(none), \(some), \([UInt8(1)]) WHERE t = \(Timestamp(milliseconds: 9))"
        #expect(statement.text == "SELECT ?, ?, ?, ?, ?, ?, ? WHERE t = ?")
        #expect(
            statement.values == [
                .text(evil), .integer(5), .integer(1), .real(2.5), .null, .integer(3), .blob([1]), .integer(9),
            ])
    }

    @Test("statements nest and join with their values in order")
    func composing() {
        let part: SQL = "id = \(1)"
        let whole: SQL = "SELECT \(identifier: "na\"me; x") FROM t WHERE \(part) AND k IN (\(SQL.list(["a", "b"])))"
        #expect(whole.text == "SELECT namex FROM t WHERE id = ? AND k IN (?, ?)")
        #expect(whole.values == [.integer(1), .text("a"), .text("b")])
        let joined = whole + " LIMIT \(4)"
        #expect(joined.text.hasSuffix(" LIMIT ?"))
        #expect(joined.values.last == .integer(4))
        let column = "weight"
        let order: SQL = "ORDER BY \(unsafe: column)"
        #expect(order.text == "ORDER BY weight")
        #expect(SQL.list([Int]()).text.isEmpty)
    }

    @Test("columns convert to their types and to no other")
    func converting() {
        #expect(Int(sqlValue: .integer(7)) == 7)
        #expect(Int(sqlValue: .text("7")) == nil)
        #expect(Int64(sqlValue: .real(7)) == nil)
        #expect(Bool(sqlValue: .integer(2)) == true)
        #expect(Double(sqlValue: .integer(2)) == 2)
        #expect(String(sqlValue: .blob([65])) == nil)
        #expect([UInt8](sqlValue: .text("A")) == [65])
        #expect(Timestamp(sqlValue: .integer(5)) == Timestamp(milliseconds: 5))
        #expect(Timestamp(sqlValue: .null) == nil)
    }

    @Test("a row gives values by name and says what is wrong")
    func rows() throws {
        let values: [SQLValue] = [.integer(1), .null, .text("x")]
        let row = Row(columns: ["id", "gone", "name"]) { values[$0] }
        #expect(try row.get("id", as: Int.self) == 1)
        #expect(try row.optional("gone", as: Int.self) == nil)
        #expect(try row.optional("name", as: String.self) == "x")
        for (column, words) in [
            ("gone", "column \"gone\" is NULL, not Int"), ("name", "column \"name\" is a text, not Int"),
            ("missing", "no column \"missing\" in the result (id, gone, name)"),
        ] {
            let error = #expect(throws: DatabaseError.self) { try row.get(column, as: Int.self) }
            #expect(error?.reason == .misuse)
            #expect(error?.message == words)
        }
    }

    @Test("the dialects differ where the engines do")
    func dialects() {
        #expect(
            SQLDialect.sqlite.upsert(key: ["a", "b"], update: ["c"])
                == "ON CONFLICT (a, b) DO UPDATE SET c = excluded.c")
        #expect(
            SQLDialect.mysql.upsert(key: ["a"], update: ["c", "d"])
                == "ON DUPLICATE KEY UPDATE c = VALUES(c), d = VALUES(d)")
        #expect(SQLDialect.sqlite.insertIgnore == "INSERT OR IGNORE INTO")
        #expect(SQLDialect.mysql.insertIgnore == "INSERT IGNORE INTO")
        let migration = Migration("001-a") { ["CREATE TABLE t (id \(unsafe: $0.autoIncrementKey))"] }
        #expect(migration.sqlite[0].text.contains("AUTOINCREMENT"))
        #expect(migration.mysql[0].text.contains("AUTO_INCREMENT"))
    }

    @Test("database errors become HTTP errors that keep the engine's words to themselves")
    func errors() {
        let full = DatabaseError(.full, "disk at /secret is full").httpError
        #expect(full.status == .insufficientStorage)
        #expect(full.headers["Retry-After"] == "10")
        #expect(!full.message.contains("secret"))
        let busy = DatabaseError(.busy, "x").httpError
        #expect(busy.status == .serviceUnavailable)
        #expect(busy.headers["Retry-After"] == "2")
        #expect(DatabaseError(.misuse, "x").httpError.code == "internal")
    }
}
