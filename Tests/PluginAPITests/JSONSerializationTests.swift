import PluginAPI
import Testing

@Suite("JSON text")
struct JSONSerializationTests {
    private let sample: JSON = [
        "a": [1, 2.5, true, nil], "empty": [:], "none": [], "é": "tab\t/ \"q\" \\ \u{1} \u{7f} €😀",
        "n": ["x": ["y": 1]],
    ]

    @Test("is without white space in the compact style, with the least escapes")
    func compact() {
        let expected =
            #"{"a":[1,2.5,true,null],"empty":{},"none":[],"é":"tab\t/ \"q\" \\ \u0001 "# + "\u{7f}"
            + #" €😀","n":{"x":{"y":1}}}"#
        #expect(sample.text() == expected)
        #expect(sample.serialized() == Array(expected.utf8))
        #expect("\(sample)" == expected)
    }

    @Test("is what Python prints in the spaced style")
    func spaced() {
        let expected =
            #"{"a": [1, 2.5, true, null], "empty": {}, "none": [], "\u00e9": "tab\t/ \"q\" \\ \u0001 \u007f \u20ac\ud83d\ude00", "#
            + #""n": {"x": {"y": 1}}}"#
        #expect(sample.text(.spaced) == expected)
    }

    @Test("has one member per line in the pretty style")
    func pretty() {
        let json: JSON = ["a": [1, ["b": "é"]], "c": [:], "d": []]
        let expected = """
            {
              "a": [
                1,
                {
                  "b": "é"
                }
              ],
              "c": {},
              "d": []
            }
            """
        #expect(json.text(.pretty) == expected)
    }

    @Test("is appended to what is already there")
    func append() {
        var output = Array("data: ".utf8)
        JSON.array([1, "é"]).write(to: &output)
        JSON.array([1, 2]).write(to: &output, style: .spaced)
        #expect(output == Array("data: [1,\"é\"][1, 2]".utf8))
    }

    @Test("escapes each control character, wherever it stands", arguments: [JSONStyle.compact, .spaced, .pretty])
    func controlCharacters(style: JSONStyle) throws {
        for code in UInt8(0)...0x7F {
            for length in 0..<18 {
                let plain = String(repeating: "x", count: length)
                let string = plain + String(Unicode.Scalar(code)) + plain
                let text = JSON.string(string).serialized(style)
                #expect(!text.contains { $0 < 0x20 })
                #expect(try JSON(parsing: text) == .string(string))
            }
        }
        #expect(JSON.string("\u{8}\u{9}\u{a}\u{c}\u{d}\u{0}").text(style) == #""\b\t\n\f\r\u0000""#)
    }

    @Test("in the spaced style is ASCII for every plane")
    func asciiOnly() throws {
        for scalar in ["\u{80}", "\u{7FF}", "\u{800}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}"] as [String] {
            for length in 0..<10 {
                let string = String(repeating: "x", count: length) + scalar + "yyyyyyyyyyy" + scalar
                let text = JSON.string(string).serialized(.spaced)
                #expect(text.allSatisfy { $0 < 0x7F })
                #expect(try JSON(parsing: text) == .string(string))
            }
        }
    }

    @Test("decodes escapes, pairs of them, and replaces half a pair")
    func escapes() throws {
        func string(_ text: String) throws -> String? { try JSON(parsing: text).stringValue }
        #expect(try string(#""\u0041\/\b\f\n\r\t\"\\""#) == "A/\u{8}\u{c}\n\r\t\"\\")
        #expect(try string(#""\uD834\uDd1E""#) == "\u{1D11E}")
        #expect(try string(#""\ud800""#) == "\u{FFFD}")
        #expect(try string(#""\udc00\ud800""#) == "\u{FFFD}\u{FFFD}")
        #expect(try string(#""\ud800\ud834\udd1e""#) == "\u{FFFD}\u{1D11E}")
        #expect(try string(#""\ud800A\ud800\n\ud800\u0041""#) == "\u{FFFD}A\u{FFFD}\n\u{FFFD}A")
        #expect(try string(#""\u0000""#) == "\u{0}")
        #expect(try JSON(parsing: #"{"\u006b\ud83d\ude00": 1}"#)["k😀"] == 1)
    }
}
