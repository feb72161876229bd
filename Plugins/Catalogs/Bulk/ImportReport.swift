import PluginAPI

/// What an import did, or would do.
struct ImportReport: Sendable {
    /// Rows that were read.
    private(set) var rows = 0
    /// Rows that are new.
    private(set) var new = 0
    /// Rows that are different now.
    private(set) var changed = 0
    /// Rows that were like that.
    private(set) var unchanged = 0
    /// Rows that were left out.
    private(set) var skipped = 0
    private var problems: [JSON] = []
    private var omitted = 0

    /// The most problems that are told.
    static let mostProblems = 1000
    private static let longestKey = 400

    /// Counts a row that was stored.
    mutating func count(_ outcome: CatalogWriter.Outcome) {
        rows += 1
        switch outcome {
        case .created: new += 1
        case .changed: changed += 1
        case .unchanged: unchanged += 1
        }
    }

    /// Counts a row that was left out.
    mutating func skip(_ row: ImportRow, _ reason: String) {
        rows += 1
        skipped += 1
        tell(row, reason)
    }

    /// Tells something without counting a row.
    mutating func tell(_ row: ImportRow, _ reason: String) {
        guard problems.count < Self.mostProblems else {
            omitted += 1
            return
        }
        problems.append([
            "line": .number(JSONNumber(row.line)), "key": .string(String(row.key.prefix(Self.longestKey))),
            "reason": .string(reason),
        ])
    }

    /// The keys of the answer.
    var json: JSONObject {
        [
            "rows": Self.number(rows), "new": Self.number(new), "changed": Self.number(changed),
            "unchanged": Self.number(unchanged), "skipped": Self.number(skipped), "problems": .array(problems),
            "problems_omitted": Self.number(omitted),
        ]
    }

    private static func number(_ count: Int) -> JSON { .number(JSONNumber(count)) }
}
