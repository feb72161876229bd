import PluginAPI

/// `POST /api/agent/agents/{id}/alerts` where no plugin takes alerts: agents get a clear answer.
struct NoAlertsController: Sendable {
    /// Checks tokens.
    let gate: AgentGate

    /// Declares the route, which yields to a plugin that claims it.
    func declare(_ routes: inout RouteGroup) {
        routes.post(
            "/agents/{agent_id}/alerts", String.self,
            docs: OperationDocs(
                "Refuses an alert: the plugin `alerts` is off.",
                errors: AgentSchemas.agentSide + [(503, "`ALERTS_DISABLED`")]), use: refuse)
    }

    private func refuse(_ request: Request, _ id: String) async throws -> JSON {
        _ = try await gate.agent(id, request)
        throw HTTPError(.alertsDisabled)
    }
}
