import PluginAPI
import Testing

@Suite("JSON parse errors")
struct JSONErrorTests {
    @Test(
        "say what is wrong and where",
        arguments: [
            ("[1,\n  x]", "expected a value", 6, 2, 3),
            ("", "expected a value, but the text ends", 0, 1, 1),
            ("{\"a\":1,}", "expected a key in double quotes", 7, 1, 8),
            ("{\"a\" 1}", "expected ':' after a key", 5, 1, 6),
            ("{\"a\":1\n\n]", "expected ',' or '}' after a member", 8, 3, 1),
            ("[\"é\" 1]", "expected ',' or ']' after an element", 6, 1, 6),
            ("[1", "expected ',' or ']' after an element, but the text ends", 2, 1, 3),
            ("1 1", "expected nothing after the value", 2, 1, 3),
            ("-x", "expected a digit", 1, 1, 2),
            ("[012]", "a number may not start with a zero before another digit", 2, 1, 3),
            ("\"abc", "a string has no closing quote", 4, 1, 5),
            ("\"a\nb\"", "a control character in a string must be escaped", 2, 1, 3),
            ("\"ab\\q\"", "invalid escape in a string", 3, 1, 4),
            ("\"\\u00g0\"", "invalid escape in a string", 1, 1, 2),
        ])
    func places(text: String, message: String, offset: Int, line: Int, column: Int) {
        let expected = JSONParseError(message: message, offset: offset, line: line, column: column)
        #expect(throws: expected) { try JSON(parsing: text) }
    }

    @Test("point at the first byte that is not UTF-8")
    func invalidUTF8() {
        let plain: [UInt8] = Array("[\"é€".utf8) + [0xFF] + Array("\"]".utf8)
        let error = #expect(throws: JSONParseError.self) { try JSON(parsing: plain) }
        #expect(error?.message == "invalid UTF-8 in a string")
        #expect(error?.offset == 7)
        #expect(error?.column == 5)
        let escaped: [UInt8] = Array("\"\\n\\u00e9".utf8) + [0xC3, 0x22]
        #expect(throws: JSONParseError(message: "invalid UTF-8 in a string", offset: 9, line: 1, column: 10)) {
            try JSON(parsing: escaped)
        }
    }

    @Test("print as a sentence fit for a log")
    func description() {
        let error = JSONParseError(message: "expected a value", offset: 9, line: 2, column: 7)
        #expect("\(error)" == "expected a value at line 2, column 7")
    }
}
