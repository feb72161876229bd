import PluginAPI

/// `/api/admin/comfyui/alerts`: list, one, acknowledge (seed 000 §9).
struct AlertController: Sendable {
    /// The table.
    let store: AlertStore
    /// Tells the time.
    let clock: any TimeSource

    private static let notFound = (status: 404, reason: "`ALERT_NOT_FOUND`")
    private static let badID = (status: 422, reason: "The id is no number.")

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/alerts",
            docs: OperationDocs(
                "The alerts of agents, newest first.", query: AlertQuery.docs,
                returns: ["type": "array", "items": AlertSchemas.alert], errors: [(422, "Bad query.")]), use: list)
        routes.get(
            "/alerts/{id}", RowID.self,
            docs: OperationDocs("One alert.", returns: AlertSchemas.alert, errors: [Self.notFound, Self.badID]),
            use: one)
        routes.post(
            "/alerts/{id}/ack", RowID.self,
            docs: OperationDocs(
                "Says that somebody sees to an alert.",
                description: "The first one counts; once more changes nothing. A repeat after it is a new alert.",
                returns: AlertSchemas.alert, errors: [Self.notFound, Self.badID]), use: acknowledge)
    }

    private func list(_ request: Request) async throws -> JSON {
        var form = QueryForm(request.query)
        let query = AlertQuery(&form)
        try form.finish()
        return .array(try await store.list(query).map(\.json))
    }

    private func one(_ request: Request, _ id: RowID) async throws -> JSON {
        try await store.find(try id.value).json
    }

    private func acknowledge(_ request: Request, _ id: RowID) async throws -> JSON {
        try await store.acknowledge(try id.value, by: JobCaller.actor(of: request), at: clock.wallClock).json
    }
}
