import PluginAPI

/// Which alerts are asked for.
struct AlertQuery: Sendable {
    private let agentID: String?
    private let type: String?
    private let isAcknowledged: Bool?
    private let since: Timestamp?
    private let before: Int?
    private let limit: Int
    private let offset: Int

    /// Reads a request's query.
    init(_ form: inout QueryForm) {
        agentID = form.text("agent_id") ?? form.text("agentId")
        type = form.text("alert_type") ?? form.text("alertType")
        isAcknowledged = form.flag("acknowledged")
        since = form.moment("since")
        before = form.integer("before_id") ?? form.integer("beforeId")
        limit = min(max(form.integer("limit") ?? 50, 1), 200)
        offset = form.integer("offset", in: 0...Int(Int32.max)) ?? 0
    }

    /// The parameters, for `/openapi.json`.
    static let docs: [QueryDoc] = [
        QueryDoc("agent_id", "The exact agent."), QueryDoc("alert_type", "The exact type."),
        QueryDoc("acknowledged", "Only those that somebody saw to, or only the others.", schema: ["type": "boolean"]),
        QueryDoc("since", "First sent at this moment or later: ISO 8601, or milliseconds since 1970."),
        QueryDoc(
            "before_id", "Only those with a smaller id: the next page after the last one of this.",
            schema: ["type": "integer"]),
        QueryDoc(
            "limit", "How many at most; 50 by default, less than 1 means 1, more than 200 means 200.",
            schema: ["type": "integer"]),
        QueryDoc(
            "offset", "How many to skip.",
            schema: ["type": "integer", "minimum": 0, "maximum": .number(JSONNumber(Int(Int32.max))), "default": 0]),
    ]

    /// The statement that gives the rows, newest first.
    var statement: SQL {
        var statement: SQL = "SELECT * FROM alerts_alerts WHERE 1 = 1"
        if let agentID { statement = statement + " AND agent_id = \(agentID)" }
        if let type { statement = statement + " AND alert_type = \(type)" }
        if let isAcknowledged {
            statement =
                statement + (isAcknowledged ? " AND acknowledged_at IS NOT NULL" : " AND acknowledged_at IS NULL")
        }
        if let since { statement = statement + " AND created_at >= \(since)" }
        if let before { statement = statement + " AND id < \(before)" }
        return statement + " ORDER BY created_at DESC, id DESC LIMIT \(limit) OFFSET \(offset)"
    }
}
