/// Which rows a list of the admin API shows: `limit` of them from `offset` on (`spec/agents.md`, conventions).
public struct ListPage: Sendable {
    /// How many rows at most: 50 unless asked for, 1 to 200 whatever is asked for.
    public let limit: Int
    /// How many rows are left out before.
    public let offset: Int

    /// Reads `limit` and `offset`.
    public init(_ form: inout QueryForm) {
        limit = min(max(form.integer("limit") ?? 50, 1), 200)
        offset = form.integer("offset", in: 0...Self.largestOffset) ?? 0
    }

    /// The two parameters, for `/openapi.json`.
    public static var docs: [QueryDoc] {
        [
            QueryDoc(
                "limit", "How many at most; 50 by default, less than 1 means 1, more than 200 means 200.",
                schema: ["type": "integer"]),
            QueryDoc(
                "offset", "How many to leave out before the first.",
                schema: [
                    "type": "integer", "minimum": 0, "maximum": .number(JSONNumber(largestOffset)), "default": 0,
                ]),
        ]
    }

    private static let largestOffset = Int(Int32.max)
}
