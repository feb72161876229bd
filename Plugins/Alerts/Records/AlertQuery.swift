import PluginAPI

/// Which alerts are asked for.
struct AlertQuery: Sendable {
    private let agentID: String?
    private let type: String?
    private let isAcknowledged: Bool?
    private let since: Timestamp?
    /// The alert after which the list goes on.
    let before: Int?
    private let page: ListPage

    /// Reads a request's query.
    init(_ form: inout QueryForm) {
        agentID = form.text("agent_id") ?? form.text("agentId")
        type = form.text("alert_type") ?? form.text("alertType")
        isAcknowledged = form.flag("acknowledged")
        since = form.moment("since")
        before = form.integer("before_id") ?? form.integer("beforeId")
        page = ListPage(&form)
    }

    /// The parameters, for `/openapi.json`.
    static let docs: [QueryDoc] =
        [
            QueryDoc("agent_id", "The exact agent."), QueryDoc("alert_type", "The exact type."),
            QueryDoc(
                "acknowledged", "Only those that somebody saw to, or only the others.", schema: ["type": "boolean"]),
            QueryDoc("since", "First sent at this moment or later: ISO 8601, or milliseconds since 1970."),
            QueryDoc(
                "before_id", "Only those behind this one in the list: the next page after the last one of this.",
                schema: ["type": "integer"]),
        ] + ListPage.docs

    /// The statement that gives the rows, newest first.
    ///
    /// - Parameter time: When the alert ``before`` was sent; `nil` when it is gone.
    func statement(after time: Timestamp?) -> SQL {
        var statement: SQL = "SELECT * FROM alerts_alerts WHERE 1 = 1"
        // One index is enough, and it must be the best: COALESCE and + 0 keep the engine from the others.
        if let agentID { statement = statement + " AND agent_id = \(agentID)" }
        if let type {
            let column: SQL = agentID == nil ? "alert_type" : "COALESCE(alert_type, '')"
            statement = statement + " AND \(column) = \(type)"
        }
        switch isAcknowledged {
        case true?: statement = statement + " AND acknowledged_at IS NOT NULL"
        case false? where agentID == nil && type == nil: statement = statement + " AND acknowledged_at IS NULL"
        case false?: statement = statement + " AND acknowledged_at + 0 IS NULL"
        case nil: break
        }
        if let since { statement = statement + " AND created_at >= \(since)" }
        switch (before, time) {
        // The id alone would do if clocks never went back.
        case (let before?, let time?):
            statement = statement + " AND created_at <= \(time) AND (created_at < \(time) OR id < \(before))"
        case (let before?, nil): statement = statement + " AND id < \(before)"
        case (nil, _): break
        }
        return statement + " ORDER BY created_at DESC, id DESC LIMIT \(page.limit) OFFSET \(page.offset)"
    }
}
