import PluginAPI

/// What `/openapi.json` says of the errors of each operation.
struct PublishedErrors {
    private let paths: JSONObject

    /// Reads a document.
    init(_ document: JSON) {
        paths = document["paths"]?.objectValue ?? [:]
    }

    /// Whether an operation is said to answer with a status and a code; of a family of codes the later ones may be shortened, as in
    /// `` `AGENT_TOKEN_REQUIRED`, `_INVALID` ``.
    func name(_ code: String, _ status: Int, _ method: String, _ target: String) -> Bool {
        let responses = operation(method, target)?["responses"]
        guard let words = responses?["\(status)"]?["description"]?.stringValue else { return false }
        let names = words.split(separator: "`").map(String.init)
        let family = names.first?.split(separator: "_").dropLast().joined(separator: "_") ?? ""
        return names.contains(code) || names.contains { $0.hasPrefix("_") && family + $0 == code }
    }

    private func operation(_ method: String, _ target: String) -> JSON? {
        let path = target.prefix { $0 != "?" }.split(separator: "/")
        let fitting = paths.filter { template, _ in
            let parts = template.split(separator: "/")
            return parts.count == path.count && zip(parts, path).allSatisfy { $0 == $1 || $0.hasPrefix("{") }
        }
        // One without a place for anything is meant where it fits.
        let best = fitting.min { $0.key.count { $0 == "{" } < $1.key.count { $0 == "{" } }
        return best?.value[method.lowercased()]
    }
}
