import PluginAPI
import Testing

@Suite("Rows of a result")
struct RowTests {
    private let row = Row(columns: ["a", "b", "c"]) { [.integer(1), .text("two"), .null][$0] }

    @Test("columns are found by name in any order, again and again")
    func order() throws {
        for _ in 0..<2 {
            #expect(try row.get("a", as: Int.self) == 1)
            #expect(try row.get("b", as: String.self) == "two")
            #expect(try row.optional("c", as: Int.self) == nil)
            #expect(try row.get("b", as: String.self) == "two")
            #expect(try row.get("a", as: Int.self) == 1)
        }
    }

    @Test("an object of JSON is a column's text, and comes back as it was")
    func objects() throws {
        let object: JSONObject = ["b": 8.0, "a": ["ü", nil]]
        let none: JSONObject? = nil
        let statement: SQL = "VALUES (\(object), \(none))"
        #expect(statement.values == [.text(#"{"b":8.0,"a":["ü",null]}"#), .null])
        let row = Row(columns: ["a", "b", "c", "d"]) { (statement.values + [.text("[1]"), .integer(1)])[$0] }
        #expect(try row.object("a") == object)
        #expect(try row.object("b") == nil)
        for column in ["c", "d"] { #expect(throws: DatabaseError.self) { try row.object(column) } }
    }

    @Test("a column that is missing, NULL or of another type is an error that names it")
    func errors() {
        for (column, word) in [("d", "no column"), ("c", "NULL"), ("b", "a text")] {
            let error = #expect(throws: DatabaseError.self) { try row.get(column, as: Int.self) }
            #expect(error?.message.contains(word) == true)
        }
    }
}
