import PluginAPI
import Testing

@testable import Host

private func line(
    _ message: String, _ facts: [(String, String)] = [], level: LogLevel = .notice, format: LogFormat = .text
) -> String {
    let time = Timestamp(milliseconds: 1_769_846_400_123)
    let bytes = LogLine(time: time, level: level, message: message, facts: facts).bytes(format)
    return String(decoding: bytes, as: UTF8.self)
}

@Suite("Log lines")
struct LogLineTests {
    @Test("time, level, message and facts stand in columns")
    func columns() {
        #expect(
            line("listening", [("address", "127.0.0.1:8000"), ("threads", "2")])
                == "2026-01-31T08:00:00.123Z notice  listening  address=127.0.0.1:8000 threads=2\n")
        #expect(line("ready", level: .warning) == "2026-01-31T08:00:00.123Z warning ready\n")
        #expect(line("ready", level: .info) == "2026-01-31T08:00:00.123Z info    ready\n")
    }

    @Test(
        "values are quoted when they need it",
        arguments: [
            ("plain/1", "plain/1"), ("", "\"\""), ("a b", "\"a b\""), ("a=b", "\"a=b\""), ("a\"b", "\"a\\\"b\""),
            ("a\\b", "\"a\\\\b\""), ("héé", "héé"),
        ])
    func quoting(value: String, expected: String) {
        #expect(line("m", [("k", value)]).hasSuffix("  k=\(expected)\n"))
    }

    @Test(
        "nothing can start a line of its own or hide one",
        arguments: [
            ("a\nb", "a\\nb"), ("a\r\nb", "a\\r\\nb"), ("\u{1B}[2J", "\\u{1b}[2J"), ("a\u{85}b", "a\\u{85}b"),
            ("a\u{2028}b", "a\\u{2028}b"), ("\u{202E}x", "\\u{202e}x"), ("\0", "\\u{0}"),
        ])
    func injection(text: String, expected: String) {
        let written = line(text, [("k", text), (text, "v")])
        #expect(written.hasSuffix(" \(expected)  k=\"\(expected)\" \"\(expected)\"=v\n"))
        #expect(written.unicodeScalars.count { $0.properties.generalCategory == .control } == 1)
    }

    @Test("a JSON line is one object")
    func json() throws {
        let written = line("a\n\"b\"", [("request.id", "7"), ("level", "x"), ("k", "\u{1}")], format: .json)
        #expect(written.hasSuffix("}\n"))
        #expect(!written.dropLast().contains { $0.isNewline })
        #expect(
            try JSON(parsing: Array(written.utf8)) == [
                "time": "2026-01-31T08:00:00.123Z", "level": "notice", "message": "a\n\"b\"", "request.id": "7",
                "fact.level": "x", "k": "\u{1}",
            ])
    }

    @Test("a giant value is cut", arguments: [LogFormat.text, .json])
    func giant(format: LogFormat) {
        let written = line("m", [("k", String(repeating: "é", count: 1_000_000))], format: format)
        #expect(written.unicodeScalars.count < 8400)
        #expect(written.contains("éé…"))
    }
}
