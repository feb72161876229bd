import Host
import PluginAPI
import Testing

private func problem(_ text: String) -> String? {
    do {
        _ = try YAML.parse(text, file: "c.yaml")
        return nil
    } catch {
        return error.description
    }
}

@Suite("YAML")
struct YAMLTests {
    @Test(
        "plain scalars are typed without losing their text",
        arguments: [
            ("true", true), ("false", false), ("True", "True"), ("yes", "yes"), ("no", "no"), ("on", "on"),
            ("off", "off"), ("null", nil), ("~", nil), ("", nil), ("Null", nil), ("12", 12), ("-3", -3), ("007", "007"),
            ("0x1F", "0x1F"), ("+5", "+5"), (".5", ".5"), ("1_000", "1_000"), (".inf", ".inf"), ("12:30", "12:30"),
            ("2026-01-31", "2026-01-31"), ("\"5\"", "5"), ("'true'", "true"), ("\"a\\u00e9\\n\"", "aé\n"),
            ("!!str 5", "5"), ("! 5", "5"), ("!!int 5", 5), ("!!bool true", true), ("!!null ~", nil),
            ("http://127.0.0.1:8188", "http://127.0.0.1:8188"),
        ] as [(String, JSON)])
    func scalars(text: String, expected: JSON) throws {
        #expect(try YAML.parse("a: \(text)\n", file: "c").json["a"] == expected)
    }

    @Test("numbers keep their literal")
    func literals() throws {
        let json = try YAML.parse("[1.50, 1e3, 18446744073709551615, -0]", file: "c").json
        #expect(json.text() == "[1.50,1e3,18446744073709551615,-0]")
    }

    @Test("keys keep their order, and numbers among them their text")
    func order() throws {
        let json = try YAML.parse("b: 1\na: {z: 1, y: [1, 2]}\n8188: x\n", file: "c").json
        #expect(json.text() == #"{"b":1,"a":{"z":1,"y":[1,2]},"8188":"x"}"#)
    }

    @Test("JSON is read as it is")
    func jsonIsYAML() throws {
        let text = #"{"listen": ["127.0.0.1:8000"], "log": {"level": "info"}, "threads": 2, "x": null}"#
        #expect(try YAML.parse(text, file: "c").json == JSON(parsing: Array(text.utf8)))
    }

    @Test("block scalars and comments", arguments: ["", "\r"])
    func blocks(carriageReturn: String) throws {
        let text = "# head\na: | # why\n  one\n  two\nb: >-\n  one\n  two\n".split(separator: "\n")
            .joined(separator: "\(carriageReturn)\n")
        #expect(try YAML.parse(text, file: "c").json == ["a": "one\ntwo\n", "b": "one two"])
    }

    @Test("an empty file is null", arguments: ["", "# only a comment\n", "---\n", "---\n...\n"])
    func empty(text: String) throws {
        #expect(try YAML.parse(text, file: "c").json == nil)
    }

    @Test("aliases stand for what their anchor holds")
    func aliases() throws {
        let json = try YAML.parse("a: &one {x: 1}\nb: *one\nc: [*one, &two t, *two]\n", file: "c").json
        #expect(json.text() == #"{"a":{"x":1},"b":{"x":1},"c":[{"x":1},"t","t"]}"#)
    }

    @Test(
        "what is refused, with line and column",
        arguments: [
            ("a: 1\nb: 2\na: 3\n", "c.yaml:3:1: key \"a\" is given twice"),
            ("a: &x {b: 1}\nc:\n  <<: *x\n", "c.yaml:3:3: merge keys (<<) are not supported; write the keys out"),
            ("a: !!set {}\n", "c.yaml:1:4: tag \"!!set\" is not supported here"),
            ("a: !secret x\n", "c.yaml:1:4: tag \"!secret\" is not supported"),
            ("a: !!int x\n", "c.yaml:1:4: \"x\" is not what its tag !!int says"),
            ("a: 1\n---\nb: 2\n", "c.yaml:2:1: a second document; one file holds one configuration"),
            ("a: *nobody\n", "c.yaml:1:4: unknown anchor \"nobody\""),
            ("a: &a [*a]\n", "c.yaml:1:8: unknown anchor \"a\""),
            ("? [a, b]\n: 1\n", "c.yaml:1:3: a key must be a text"),
            (
                "a: [1, 2\nb: 3\n",
                "c.yaml:2:2: did not find expected ',' or ']' while parsing a flow sequence that starts at line 1"
            ),
            (
                "a: 1\n\tb: 2\n",
                "c.yaml:2:1: found a tab character that violates indentation while scanning a plain scalar"
                    + " that starts at line 1"
            ),
            ("a: 1\nb: \"x\u{1}\"\n", "c.yaml:2:6: control characters are not allowed"),
            ("a: b: c\n", "c.yaml:1:5: mapping values are not allowed in this context"),
        ])
    func refusals(text: String, expected: String) {
        #expect(problem(text) == expected)
    }

    @Test("nesting is bounded, aliases expanded")
    func depth() {
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(problem(deep) == nil)
        #expect(problem("[\(deep)]") == "c.yaml:1:65: nested more than 64 levels deep")
        #expect(problem(String(repeating: "[", count: 100_000))?.contains("nested more than 64") == true)
        let half = String(repeating: "[", count: 40) + "1" + String(repeating: "]", count: 40)
        let twice = "a: &a \(half)\nb: \(String(repeating: "[", count: 40))*a\(String(repeating: "]", count: 40))\n"
        #expect(problem(twice) == "c.yaml:2:44: nested more than 64 levels deep")
    }

    @Test("a billion laughs are not")
    func billionLaughs() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let items = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(items)]\n"
        }
        #expect(problem(text)?.hasSuffix("more than 100000 values, aliases expanded") == true)
    }

    @Test("every key and item knows its line")
    func marks() throws {
        let text =
            "a: 1\nplugins:\n  # about it\n  gateway:\n    workers:\n      - url: x\n      - url: y\n        name: z\n"
        let marks = try YAML.parse(text, file: "c").marks()
        #expect(marks["a"]?.line == 1)
        #expect(marks["plugins.gateway"]?.line == 4)
        #expect(marks["plugins.gateway.workers[2]"]?.line == 7)
        #expect(marks["plugins.gateway.workers[2].name"]?.line == 8)
        #expect(marks["plugins.gateway.workers[2].name"]?.column == 9)
    }
}
