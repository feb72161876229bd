import PluginAPI

/// Which lines of the audit table are asked for.
struct AuditQuery: Sendable {
    /// The value that a column must have.
    private var equal: [(column: String, value: String)] = []
    private let since: Timestamp?
    private let until: Timestamp?
    private let limit: Int
    private let offset: Int

    /// The parameters that are compared with a column of their name.
    private static let columns = ["subject", "row_id", "actor", "request_id"]
    private static let longestPage = 1000
    private static let usualPage = 100

    /// Reads a request's query.
    init(_ form: inout QueryForm) {
        for column in Self.columns {
            if let value = form.text(column) { equal.append((column, value)) }
        }
        if let action = form.choice("action", AuditAction.self) { equal.append(("action", action.rawValue)) }
        since = form.moment("since")
        until = form.moment("until")
        limit = form.integer("limit", in: 1...Self.longestPage) ?? Self.usualPage
        offset = form.integer("offset", in: 0...Int(Int32.max)) ?? 0
    }

    /// The parameters, for `/openapi.json`.
    static let docs: [QueryDoc] = [
        QueryDoc("subject", "What was changed: a catalog such as `loras`, or `server-diff`, `server-mark`."),
        QueryDoc("row_id", "The row that was changed."),
        QueryDoc(
            "action", "What was done.",
            schema: ["type": "string", "enum": .array(AuditAction.allCases.map { .string($0.rawValue) })]),
        QueryDoc("actor", "Who did it: `admin`, or `key:` and the id of an API key."),
        QueryDoc("request_id", "The `X-Request-Id` of the request that did it; an import has one for all its rows."),
        QueryDoc("since", "Changed at this moment or later: RFC 3339, or milliseconds since 1970."),
        QueryDoc("until", "Changed before this moment."),
        QueryDoc(
            "limit", "How many lines at most.",
            schema: [
                "type": "integer", "minimum": 1, "maximum": .number(JSONNumber(longestPage)),
                "default": .number(JSONNumber(usualPage)),
            ]),
        QueryDoc(
            "offset", "How many lines to skip.",
            schema: ["type": "integer", "minimum": 0, "maximum": .number(JSONNumber(Int(Int32.max))), "default": 0]),
    ]

    /// The statement that gives the numbers of the lines, newest first.
    var statement: SQL {
        var statement: SQL = "SELECT id FROM catalogs_audit WHERE 1 = 1"
        for (column, value) in equal { statement = statement + " AND \(identifier: column) = \(value)" }
        if let since { statement = statement + " AND at >= \(since)" }
        if let until { statement = statement + " AND at < \(until)" }
        return statement + " ORDER BY at DESC, id DESC LIMIT \(limit) OFFSET \(offset)"
    }
}
