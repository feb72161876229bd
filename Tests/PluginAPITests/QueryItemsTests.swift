import PluginAPI
import Testing

@Suite("Queries and escapes")
struct QueryItemsTests {
    @Test("pairs are decoded in order")
    func parsing() {
        let query = QueryItems(parsing: "a=1&b=x+y&a=%E4%BD%A0&flag&=empty&&c==d&e=a%26b")
        #expect(query["a"] == "1")
        #expect(query.values(for: "a") == ["1", "你"])
        #expect(query["b"] == "x y")
        #expect(query["flag"] == "")
        #expect(query[""] == "empty")
        #expect(query["c"] == "=d")
        #expect(query["e"] == "a&b")
        #expect(query["missing"] == nil)
        #expect(query.items.count == 7)
    }

    @Test("what is encoded is decoded to the same", arguments: ["", "a b", "a+b&c=d", "你好/?#%", "\u{0}\r\n", "é"])
    func roundTrip(text: String) {
        let query = QueryItems([(name: text, value: text), (name: "x", value: "")])
        #expect(QueryItems(parsing: query.encoded) == (text.isEmpty ? QueryItems(parsing: "=&x=") : query))
    }

    @Test(
        "broken escapes stay as they are",
        arguments: [
            ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("a%", "a%"), ("%41", "A"), ("%4a%4A", "JJ"), ("%%41", "%A"),
            ("%25", "%"),
        ])
    func decoding(text: String, expected: String) {
        #expect(PercentEncoding.decode(text) == expected)
    }

    @Test("invalid UTF-8 is replaced")
    func invalid() {
        #expect(PercentEncoding.decode("%FF") == "\u{FFFD}")
        #expect(PercentEncoding.decode("a+b") == "a+b")
        #expect(PercentEncoding.encode("a/ü~") == "a%2F%C3%BC~")
    }

    @Test("a request knows path and query of its target")
    func request() {
        let request = Request(id: "1", method: .get, target: "/a%2Fb/c?x=1?2&y")
        #expect(request.path == "/a/b/c")
        #expect(request.query["x"] == "1?2")
        #expect(request.target == "/a%2Fb/c?x=1?2&y")
        #expect(Request(id: "1", method: .get, target: "").path == "")
        #expect(Request(id: "1", method: .get, target: "?").query.items.isEmpty)
    }
}
