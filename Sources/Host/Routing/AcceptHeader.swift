/// Reads `Accept` (RFC 9110 §12.5.1) for the one choice the host makes: a page or data.
enum AcceptHeader {
    /// Whether HTML is asked for by name, and JSON is not wanted more.
    static func prefersHTML(_ value: String?) -> Bool {
        guard let value else { return false }
        var html = 0.0
        var json = 0.0
        for part in value.split(separator: ",") {
            let pieces = part.split(separator: ";").map { $0.filter { $0 != " " }.lowercased() }
            guard let type = pieces.first else { continue }
            let weights = pieces.dropFirst().filter { $0.hasPrefix("q=") }
            let weight = weights.first.flatMap { Double($0.dropFirst(2)) } ?? 1
            if type == "text/html" { html = max(html, weight) }
            if type == "application/json" { json = max(json, weight) }
        }
        return html > 0 && html >= json
    }
}
