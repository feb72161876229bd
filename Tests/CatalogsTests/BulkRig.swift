import PluginAPI
import PluginTestKit
import Synchronization

@testable import Catalogs

extension CatalogsRig {
    /// Imports a text.
    func takeIn(_ catalog: String, _ query: String, _ body: String, type: String? = nil) async -> TestResponse {
        await takeIn(catalog, query, HTTPBody(Array(body.utf8)), type: type)
    }

    /// Imports a body.
    func takeIn(_ catalog: String, _ query: String, _ body: HTTPBody, type: String? = nil) async -> TestResponse {
        await host.send(
            .post, "/api/admin/comfyui/\(catalog)/import?\(query)", headers: type.map { ["Content-Type": $0] } ?? [:],
            body: body, principal: .testAdmin)
    }

    /// All rows as they are exported, without what differs from daemon to daemon.
    func rows(_ catalog: String) async throws -> [JSONObject] {
        let text = await send(.get, "/\(catalog)/export").text
        return try text.split(separator: "\n").compactMap { line in
            var row = try JSON(parsing: Array(line.utf8)).objectValue
            for name in ["id", "created_at", "updated_at"] { row?[name] = nil }
            return row
        }
    }
}

/// The numbers of a report.
struct Counts: Equatable {
    var rows = 0
    var new = 0
    var changed = 0
    var unchanged = 0
    var skipped = 0
}

extension TestResponse {
    /// The numbers of a report; all -1 when the answer is none.
    var counts: Counts {
        func number(_ name: String) -> Int { json?[name]?.intValue ?? -1 }
        return Counts(
            rows: number("rows"), new: number("new"), changed: number("changed"), unchanged: number("unchanged"),
            skipped: number("skipped"))
    }

    /// The problems of a report: `line key: reason`.
    var reasons: [String] {
        (json?["problems"]?.arrayValue ?? []).map { problem in
            "\(problem["line"]?.intValue ?? -1) \(problem["key"]?.stringValue ?? "?"): "
                + (problem["reason"]?.stringValue ?? "?")
        }
    }
}

/// Counts calls.
final class Counter: Sendable {
    private let count = Mutex(0)

    /// How many there were.
    var value: Int { count.withLock { $0 } }

    /// Counts one more.
    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}

/// Rows for tests.
enum Fixtures {
    /// The names of all catalogs.
    static let catalogs = CatalogKind.all.map(\.name)

    /// Rows as JSON lines.
    static func lines(_ catalog: String, _ count: Int) -> String {
        rows(catalog, count).map { JSON.object($0).text() }.joined(separator: "\n")
    }

    /// Rows with texts of every kind, the same at each call.
    static func rows(_ catalog: String, _ count: Int) -> [JSONObject] {
        let kind = CatalogKind.all.first { $0.name == catalog } ?? .loras
        var random = SeededRandom(seed: 7)
        return (0..<count).map { number in
            var row: JSONObject = [:]
            for column in kind.columns where column.name != "base_model" {
                let isKey = kind.key.contains(column.name)
                if !isKey, !column.isRequired, Int.random(in: 0..<4, using: &random) == 0 { continue }
                row[column.name] = value(of: column, isKey ? "\(number)" : "", &random)
            }
            return row
        }
    }

    private static func value(of column: CatalogColumn, _ suffix: String, _ random: inout SeededRandom) -> JSON {
        func word() -> String { words.randomElement(using: &random) ?? "" }
        switch column.kind {
        case .text: return .string(word() + suffix)
        case .url: return .string("https://example.com/\(Int.random(in: 0..<99, using: &random))?a=\"b\";c,d")
        case .moment: return .string("2026-02-05T22:40:\(Int.random(in: 10..<60, using: &random))Z")
        case .words: return .array((0..<Int.random(in: 1..<4, using: &random)).map { _ in .string(word()) })
        }
    }

    private static let words = [
        "a", "=1+1", "杯子", "a;b", "[1", "[\"x\"]", "say \"hi\"", "two\nlines", "two\r\nlines", "a,b", "null", "'",
        "\u{FEFF}x", "é",
        "e\u{301}", "😀", "#", "0012", "true", "a\tb", "\\", "\u{7F}", "{}",
    ]
}
