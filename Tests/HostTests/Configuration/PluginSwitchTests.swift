import Glibc
import PluginAPI
import PluginTestKit
import Testing

@testable import Host

@Suite("Switching plugins in the file")
struct PluginSwitchTests {
    private let directory = TemporaryDirectory()

    private func edit(_ text: String, _ name: String, _ enabled: Bool) throws -> String {
        let file = directory.write("c.yaml", text)
        _ = try PluginSwitch.setPluginEnabled(file: file, name: name, enabled: enabled)
        return directory.read("c.yaml")
    }

    @Test(
        "switching off",
        arguments: [
            // The flag is there.
            ("plugins:\n  a:\n    enabled: true # why\n", "plugins:\n  a:\n    enabled: false # why\n"),
            ("plugins:\n  a:\n    enabled: \"yes\"\n", "plugins:\n  a:\n    enabled: false\n"),
            ("plugins:\n  a:\n    enabled: ${A_ON}\n", "plugins:\n  a:\n    enabled: false\n"),
            ("plugins:\n  a:\n    enabled:   # default\n", "plugins:\n  a:\n    enabled: false   # default\n"),
            ("plugins: { a: { enabled: true, x: 1 }, b: {} }\n", "plugins: { a: { enabled: false, x: 1 }, b: {} }\n"),
            // It is not.
            (
                "plugins:\n  a: # first\n    # about x\n    x: 1\n  b: {}\n",
                "plugins:\n  a: # first\n    enabled: false\n    # about x\n    x: 1\n  b: {}\n"
            ),
            ("plugins:\n  a: { x: 1 } # why\n", "plugins:\n  a: { enabled: false, x: 1 } # why\n"),
            ("plugins:\n  a: {}\n", "plugins:\n  a: { enabled: false }\n"),
            ("plugins:\n  a: &id {x: 1}\n", "plugins:\n  a: &id {enabled: false, x: 1}\n"),
            ("plugins:\n  a:   # all defaults\n  b:\n", "plugins:\n  a: { enabled: false }   # all defaults\n  b:\n"),
            ("plugins:\n  a: ~\n", "plugins:\n  a: { enabled: false }\n"),
            ("plugins:\r\n  a:\r\n    x: 1\r\n", "plugins:\r\n  a:\r\n    enabled: false\r\n    x: 1\r\n"),
            ("# é ü 😀\nplugins: {a: }\n", "# é ü 😀\nplugins: {a: { enabled: false }}\n"),
            (
                "{\"plugins\": {\"a\": {\"x\": 1}}}",
                "{\"plugins\": {\"a\": {\"enabled\": false, \"x\": 1}}}"
            ),
        ])
    func off(text: String, expected: String) throws {
        #expect(try edit(text, "a", false) == expected)
    }

    @Test(
        "switching on what is not listed",
        arguments: [
            ("", "plugins:\n  a:\n    enabled: true\n"),
            ("# head\nthreads: 1", "# head\nthreads: 1\nplugins:\n  a:\n    enabled: true\n"),
            ("plugins:\n  # none yet\n", "plugins:\n  a:\n    enabled: true\n  # none yet\n"),
            ("plugins: {}\n", "plugins: { a: { enabled: true } }\n"),
            ("plugins: ~\nthreads: 1\n", "plugins: { a: { enabled: true } }\nthreads: 1\n"),
            (
                "plugins:\n    b:\n        x: |\n            text\n    # tail\nx: 1\n",
                "plugins:\n    b:\n        x: |\n            text\n    a:\n      enabled: true\n    # tail\nx: 1\n"
            ),
            ("plugins:\n  b: {}", "plugins:\n  b: {}\n  a:\n    enabled: true\n"),
            ("plugins: {b: {}}\n", "plugins: {a: { enabled: true }, b: {}}\n"),
            ("{\"threads\": 1}\n", "{\"plugins\": { \"a\": { \"enabled\": true } }, \"threads\": 1}\n"),
        ])
    func on(text: String, expected: String) throws {
        #expect(try edit(text, "a", true) == expected)
    }

    @Test("a file that already says so is left alone")
    func unchanged() throws {
        let file = directory.write("c.yaml", "plugins:\n  a: {}\n")
        #expect(try !PluginSwitch.setPluginEnabled(file: file, name: "a", enabled: true))
        #expect(try !PluginSwitch.setPluginEnabled(file: file, name: "b", enabled: false))
        #expect(directory.read("c.yaml") == "plugins:\n  a: {}\n")
    }

    @Test("shapes that only a person should change are refused, and the file stays")
    func refusals() throws {
        for text in ["x: &x {y: 1}\nplugins:\n  a: *x\n", "plugins: [a]\n", "a: 1\n...\n"] {
            let file = directory.write("c.yaml", text)
            let enabled = !text.contains("*x")
            #expect(throws: FileProblem.self) {
                try PluginSwitch.setPluginEnabled(file: file, name: "a", enabled: enabled)
            }
            #expect(directory.read("c.yaml") == text)
        }
        let broken = directory.write("c.yaml", "a: [")
        #expect(throws: ConfigurationProblems.self) {
            try PluginSwitch.setPluginEnabled(file: broken, name: "a", enabled: true)
        }
        #expect(throws: FileProblem.self) {
            try PluginSwitch.setPluginEnabled(file: broken, name: "../a", enabled: true)
        }
    }

    @Test("the mode stays, a link stays a link, and nothing is left behind")
    func replacement() throws {
        let file = directory.write("real.yaml", "plugins: {a: {}}\n")
        chmod(file, 0o604)
        symlink("real.yaml", "\(directory.path)/link.yaml")
        #expect(
            try PluginSwitch.setPluginEnabled(file: "\(directory.path)/link.yaml", name: "a", enabled: false))
        var status = stat()
        stat(file, &status)
        #expect(status.st_mode & 0o7777 == 0o604)
        lstat("\(directory.path)/link.yaml", &status)
        #expect(status.st_mode & S_IFMT == S_IFLNK)
        #expect(directory.read("real.yaml") == "plugins: {a: { enabled: false }}\n")
        #expect(directory.names == ["link.yaml", "real.yaml"])
    }

    @Test("whatever the file looks like, a change is the wanted one or none at all")
    func mangledFiles() throws {
        let text = """
            a: &x {b: [1, 'two', "th\\u00e9"], c: ~}
            plugins:
              gateway: # é
                enabled: true
                workers:
                  - *x
              alerts: {}
            t: |
              text

            """
        let signs = Array("{}[]:,#&*!|>'\"%@`-? \n\t~ax\u{FEFF}\u{85}\u{2028}😀<".unicodeScalars)
        var random = SeededRandom(seed: 42)
        var changes = 0
        for _ in 0..<1500 {
            var scalars = Array(text.unicodeScalars)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<scalars.count, using: &random)
                scalars.replaceSubrange(
                    place..<(place + Int.random(in: 0...1, using: &random)),
                    with: signs.shuffled(using: &random).prefix(Int.random(in: 0...1, using: &random)))
            }
            let mangled = String(String.UnicodeScalarView(scalars))
            for name in ["gateway", "alerts", "other"] {
                let enabled = Bool.random(using: &random)
                guard let edited = try? PluginSwitch.edited(mangled, file: "c", name: name, enabled: enabled) else {
                    continue
                }
                changes += 1
                #expect(try YAML.parse(edited, file: "c").json["plugins"]?[name]?["enabled"] == .bool(enabled))
            }
        }
        #expect(changes > 100)
    }
}
