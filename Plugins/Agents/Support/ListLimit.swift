import PluginAPI

/// How many rows a list shows: 50 unless asked for, 1 to 200 whatever is asked for (`spec/agents.md`, conventions).
enum ListLimit {
    /// The parameter, for `/openapi.json`.
    static let docs = QueryDoc(
        "limit", "How many at most; 50 by default, less than 1 means 1, more than 200 means 200.",
        schema: ["type": "integer"])

    /// Reads the parameter.
    static func read(_ form: inout QueryForm) -> Int {
        min(max(form.integer("limit") ?? 50, 1), 200)
    }
}
