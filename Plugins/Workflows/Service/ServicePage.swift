import PluginAPI

/// The page of `GET /`; it needs nothing from elsewhere.
struct ServicePage: Sendable {
    /// What the service is called.
    let name: String
    /// The version that it tells.
    let version: String

    /// Whether `Accept` (RFC 9110 §12.5.1) asks for HTML by name, and does not want JSON more.
    static func isWanted(_ request: Request) -> Bool {
        var weights = (html: 0.0, json: 0.0)
        for value in request.headers.values(for: "Accept") {
            for part in value.split(separator: ",") {
                let pieces = part.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
                let given = pieces.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
                switch pieces.first {
                case "text/html": weights.html = max(weights.html, given ?? 1)
                case "application/json": weights.json = max(weights.json, given ?? 1)
                default: break
                }
            }
        }
        return weights.html > 0 && weights.html >= weights.json
    }

    /// The page.
    var html: String {
        let title = Self.escaped(name)
        let links = Self.links.map { "<li><a href=\"\($0.path)\">\($0.path)</a> \($0.words)</li>" }
        return """
            <!doctype html>
            <html lang="en">
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>\(title)</title></head>
            <body>
            <h1>\(title) \(Self.escaped(version))</h1>
            <ul>
            \(links.joined(separator: "\n"))
            </ul>
            </body>
            </html>

            """
    }

    private static let links: [(path: String, words: String)] = [
        ("/docs", "the API, to try out"), ("/redoc", "the API, to read"), ("/health", "whether workflows can run"),
        ("/api/workflows", "the named workflows"),
    ]

    /// A text of the operator's as text of a page.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
    }
}
