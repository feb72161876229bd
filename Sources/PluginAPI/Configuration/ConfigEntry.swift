/// One documented key of the configuration; the sample and the reference are made from these.
public struct ConfigEntry: Sendable, Equatable {
    /// What stands at the path.
    public enum Kind: Sendable, Equatable {
        /// A value; `text` is its default, or an example when it is required.
        case value(type: String, text: String?, required: Bool)
        /// A section of keys.
        case section
        /// A list of sections; the keys of one follow with `[]` in their path.
        case list
    }

    /// The dotted path.
    public let path: String
    /// What stands there.
    public let kind: Kind
    /// What it does.
    public let help: String
    /// The variable that ranks above the file, besides `COMFYD_<PATH>`.
    public let environment: String?

    init(path: String, kind: Kind, help: String, environment: String? = nil) {
        self.path = path
        self.kind = kind
        self.help = help
        self.environment = environment
    }
}

/// Guesses what was meant by a misspelt word.
public enum Spelling {
    /// The candidate nearest to a word, `nil` when none is near.
    public static func nearest(to word: String, in candidates: some Sequence<String>) -> String? {
        let limit = max(1, word.count / 3)
        let ranked = candidates.map { (distance(word, $0), $0) }.filter { $0.0 <= limit }
        return ranked.min { $0.0 == $1.0 ? $0.1 < $1.1 : $0.0 < $1.0 }?.1
    }

    /// The number of letters to insert, remove, replace or swap (restricted Damerau-Levenshtein).
    static func distance(_ lhs: String, _ rhs: String) -> Int {
        let left = Array(lhs)
        let right = Array(rhs)
        guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
        var rows = [Array(0...right.count)]
        for (i, letter) in left.enumerated() {
            var row = [i + 1]
            for (j, other) in right.enumerated() {
                var best = min(row[j] + 1, rows[i][j + 1] + 1, rows[i][j] + (letter == other ? 0 : 1))
                if i > 0, j > 0, letter == right[j - 1], left[i - 1] == other {
                    best = min(best, rows[i - 1][j - 1] + 1)
                }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[left.count][right.count]
    }
}
