/// Guesses what was meant by a misspelt word.
public enum Spelling {
    /// The candidate nearest to a word, `nil` when none is near.
    public static func nearest(to word: String, in candidates: some Sequence<String>) -> String? {
        // Nobody misspells a word of this length; comparing one takes a time that grows with its square.
        guard word.utf8.count <= 64 else { return nil }
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
