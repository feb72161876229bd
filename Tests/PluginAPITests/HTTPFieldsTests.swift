import PluginAPI
import Testing

@Suite("Header fields")
struct HTTPFieldsTests {
    @Test("names compare without case, order and duplicates are kept")
    func reading() {
        var fields: HTTPFields = ["Content-Type": "a", "Set-Cookie": "1"]
        fields.append("set-cookie", "2")
        #expect(fields["content-TYPE"] == "a")
        #expect(fields["Set-Cookie"] == "1")
        #expect(fields.values(for: "SET-COOKIE") == ["1", "2"])
        #expect(fields.fields.map(\.name) == ["Content-Type", "Set-Cookie", "set-cookie"])
        #expect(!fields.contains("Content-Typ"))
        #expect(fields["missing"] == nil)
    }

    @Test("setting replaces every field of the name at the place of the first")
    func setting() {
        var fields: HTTPFields = ["A": "1", "b": "2", "a": "3", "C": "4", "A": "5"]
        fields["a"] = "9"
        #expect(fields == ["A": "9", "b": "2", "C": "4"])
        fields["D"] = "x"
        #expect(fields.fields.last == HTTPFields.Field(name: "D", value: "x"))
        fields["B"] = nil
        #expect(fields == ["A": "9", "C": "4", "D": "x"])
        fields["nothing"] = nil
        #expect(fields.fields.count == 3)
    }

    @Test("only ASCII letters fold")
    func folding() {
        #expect(HTTPFields.same("X-ID", "x-id"))
        #expect(!HTTPFields.same("[", "{"))
        #expect(!HTTPFields.same("É", "é"))
        #expect(!HTTPFields.same("a", "ab"))
    }

    @Test(
        "names are tokens",
        arguments: [("X-Id", true), ("", false), ("a b", false), ("a:", false), ("é", false), ("~!#", true)])
    func names(name: String, isValid: Bool) {
        #expect(HTTPFields.isValid(name: name) == isValid)
    }

    @Test(
        "values cannot split a header",
        arguments: [
            ("a\tb", true), ("ü", true), ("", true), ("a\r\nb", false), ("a\nb", false), ("\u{0}", false),
            ("\u{7F}", false),
        ])
    func values(value: String, isValid: Bool) {
        #expect(HTTPFields.isValid(value: value) == isValid)
    }
}
