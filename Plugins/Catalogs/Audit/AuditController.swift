import PluginAPI

/// `GET /api/admin/comfyui/audit`.
struct AuditController: Sendable {
    /// The table.
    let store: AuditStore

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/audit",
            docs: OperationDocs(
                "Who changed what and when, newest first.",
                description: "`before` is null for what was new, `after` for what was deleted; both are whole rows.",
                query: AuditQuery.docs, returns: Self.schema, errors: [(422, "Bad query.")]), use: list)
    }

    private func list(_ request: Request) async throws -> Response {
        var form = QueryForm(request.query)
        let query = AuditQuery(&form)
        try form.finish()
        let ids = try await store.numbers(query)
        return ListAnswer.response(
            first: try await store.text(Array(ids.prefix(AuditStore.batch))),
            rest: Array(ids.dropFirst(AuditStore.batch)), batch: AuditStore.batch, more: store.text)
    }

    private static let schema: JSON = {
        let text: JSON = ["type": "string"]
        let row: JSON = ["type": ["object", "null"]]
        var line: JSONObject = ["id": ["type": "integer"], "at": ["type": "string", "format": "date-time"]]
        for name in ["actor", "address", "request_id", "subject", "row_id", "row_key"] { line[name] = text }
        line["action"] = ["type": "string", "enum": .array(AuditAction.allCases.map { .string($0.rawValue) })]
        line["before"] = row
        line["after"] = row
        return [
            "type": "object", "required": ["items"],
            "properties": [
                "items": [
                    "type": "array",
                    "items": [
                        "type": "object", "required": .array(line.keys.map { .string($0) }),
                        "properties": .object(line),
                    ],
                ]
            ],
        ]
    }()
}
