import PluginAPI

/// Which rows a list shows: 50 unless asked for, 1 to 200 whatever is asked for (`spec/agents.md`, conventions), from `offset` on.
struct ListPage: Sendable {
    /// How many rows at most.
    let limit: Int
    /// How many rows are left out before.
    let offset: Int

    /// The parameters, for `/openapi.json`, after those of the list.
    static func docs(_ others: [QueryDoc] = []) -> [QueryDoc] {
        others + parameters
    }

    private static let parameters = [
        QueryDoc(
            "limit", "How many at most; 50 by default, less than 1 means 1, more than 200 means 200.",
            schema: ["type": "integer"]),
        QueryDoc(
            "offset", "How many to leave out before the first.", schema: ["type": "integer", "minimum": 0]),
    ]

    /// Reads the parameters.
    init(_ form: inout QueryForm) {
        limit = min(max(form.integer("limit") ?? 50, 1), 200)
        offset = form.integer("offset", in: 0...Int(Int32.max)) ?? 0
    }
}
