import PluginAPI
import Testing

@Suite("JSON grammar")
struct JSONGrammarTests {
    @Test(
        "accepts what RFC 8259 allows",
        arguments: [
            "null", "true", "false", "0", "-0", "1", "-1", "123456789", "0.1", "-0.5", "10.25", "1e5", "1E5", "1e+5",
            "1e-5", "1.5E+10", "0e0", "0E+1", "123456789012345678901234567890", "1e400", "-1e-400", #""""#, #""a""#,
            #""/""#, #""\/""#, #""\"\\\b\f\n\r\t""#, #""\u0041""#, #""\uD834\uDD1E""#, "\"\u{7f}\"", "\"\u{2028}\"",
            "\"é\"", "\"\u{10FFFF}\"", "[]", "[ ]", "[1]", "[1,2]", "[[],[[]]]", "{}", "{ }", #"{"a":1}"#,
            #"{"":0}"#, #"{"a":{"b":[]}}"#, #"{"a":1,"a":2}"#, " \t\r\n1 \t\r\n", #" { "a" : [ 1 , 2 ] } "#,
            #"["\u0000"]"#, "\u{FEFF}{}",
        ])
    func accepts(text: String) throws {
        let json = try JSON(parsing: text)
        #expect(try JSON(parsing: json.serialized()) == json)
    }

    @Test(
        "refuses what RFC 8259 does not allow",
        arguments: [
            "", " ", "nul", "nulll", "True", "TRUE", "undefined", "NaN", "Infinity", "-Infinity", "+1", "01", "-01",
            "00",
            "1.", ".5", "-.5", "1.e5", "1e", "1e+", "1E-", "0x10", "1_000", "- 1", "-", "--1", "1 2", "1,", "1.2.3",
            "1e5.5",
            "１", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1;2]", "[1}", "{", "}", "{1:2}", "{a:1}", "{'a':1}",
            #"{"a"}"#, #"{"a":}"#, #"{"a":1"#, #"{"a":1,}"#, #"{"a":1,,"b":2}"#, #"{,"a":1}"#, #"{"a" 1}"#, #"{"a":1]"#,
            #"{"a":1 "b":2}"#, #"{"a"::1}"#, #"""#, #""a"#, #""a\""#, #""\x41""#, #""\u""#, #""\u12""#, #""\u12G4""#,
            #""\U0041""#, #""\'""#, #""\a""#, "\"\t\"", "\"\n\"", "\"\u{0}\"", "\"a\u{1f}\"", "'a'", "// c\n1",
            "/* c */ 1",
            "1 // c", "[1]x", "[1][2]", "\u{FEFF}", "\u{FEFF}\u{FEFF}1", "\u{00A0}1", "\u{000C}1", "1\u{0}",
            #""\ud800\u12""#,
            #""\ud800\"#,
        ])
    func refuses(text: String) {
        #expect(throws: JSONParseError.self) { try JSON(parsing: text) }
    }

    @Test(
        "refuses bytes that are not UTF-8",
        arguments: [
            [0xFF], [0xC3], [0xC3, 0x28], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xE2, 0x82],
            [0xED, 0xA0, 0x80],
            [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80],
            [0x80],
            [0xF0, 0x9F, 0x98],
        ] as [[UInt8]])
    func refusesInvalidUTF8(bytes: [UInt8]) {
        let quote = [UInt8(ascii: "\"")]
        let escape = Array(#"\n"#.utf8)
        #expect(throws: JSONParseError.self) { try JSON(parsing: quote + bytes + quote) }
        #expect(throws: JSONParseError.self) { try JSON(parsing: quote + escape + bytes + quote) }
        #expect(throws: JSONParseError.self) { try JSON(parsing: quote + bytes + escape + quote) }
        #expect(throws: JSONParseError.self) { try JSON(parsing: Array("{\"".utf8) + bytes + Array("\":1}".utf8)) }
        #expect(throws: JSONParseError.self) { try JSON(parsing: bytes) }
    }

    @Test("finds the end of a string at every distance from its start")
    func stringLengths() throws {
        for length in 0..<40 {
            let plain = String(repeating: "x", count: length)
            #expect(try JSON(parsing: "\"\(plain)\"") == .string(plain))
            #expect(try JSON(parsing: "[\"\(plain)\\n\(plain)é\"]") == [.string("\(plain)\n\(plain)é")])
            #expect(throws: JSONParseError.self) { try JSON(parsing: "\"\(plain)\u{1}\"") }
            #expect(throws: JSONParseError.self) { try JSON(parsing: "\"\(plain)") }
        }
    }

    @Test("refuses every proper prefix of a document")
    func prefixes() throws {
        let bytes = Array(#"{"a": [1, -2.5e3, "x\u00e9\n", true, null, {"b": {}}], "é": "😀"}"#.utf8)
        _ = try JSON(parsing: bytes)
        for length in 0..<bytes.count {
            #expect(throws: JSONParseError.self) { try JSON(parsing: Array(bytes[..<length])) }
        }
    }

    @Test("parses memory that somebody else owns, empty memory too")
    func buffers() throws {
        let bytes = Array("[1]".utf8)
        #expect(try bytes.withUnsafeBufferPointer { try JSON(parsing: $0) } == [1])
        #expect(throws: JSONParseError.self) { try JSON(parsing: UnsafeBufferPointer(start: nil, count: 0)) }
    }

    @Test("accepts Python's words for what is not finite only when told to")
    func nonFiniteNumbers() throws {
        let options = JSONParseOptions(allowsNonFiniteNumbers: true)
        let json = try JSON(parsing: "[NaN, Infinity, -Infinity, -1]", options: options)
        #expect(json.text(.spaced) == "[NaN, Infinity, -Infinity, -1]")
        #expect(json[0]?.doubleValue?.isNaN == true)
        #expect(json[1]?.doubleValue == .infinity)
        #expect(json[2]?.doubleValue == -.infinity)
        #expect(json[2]?.intValue == nil)
        #expect(json[2]?.numberValue?.isFinite == false)
        for text in ["nan", "-NaN", "inf", "-Infinit", "Infinityx", "+Infinity", "-"] {
            #expect(throws: JSONParseError.self) { try JSON(parsing: text, options: options) }
        }
    }
}
