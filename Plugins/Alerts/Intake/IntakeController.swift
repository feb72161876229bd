import PluginAPI

/// `POST /api/agent/agents/{id}/alerts` (seed 001 §8, `spec/alerts.md`).
struct IntakeController: Sendable {
    /// Stores alerts.
    let alerts: AlertService
    /// Finds out who knows agents.
    let capabilities: Capabilities
    /// Holds each agent to a rate.
    let limiter: TokenBuckets
    /// Counts what is not taken.
    let refused: any Counter

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.post(
            "/agents/{agent_id}/alerts", String.self,
            docs: OperationDocs(
                "Takes an agent's alert.",
                description: """
                    Needs the agent's token, or the one of a task of the agent. The same type and message again counts up \
                    the row that is there. `type` may be called `alertType` or `alert_type`.
                    """,
                body: AlertSchemas.form, returns: AlertSchemas.taken,
                errors: [
                    (401, "`AGENT_TOKEN_…`"),
                    (
                        403,
                        """
                        `AGENT_TOKEN_SCOPE_INVALID`, `AGENT_TOKEN_PAYLOAD_MISMATCH`, `AGENT_NOT_ALLOWED`, \
                        `AGENT_TASK_FORBIDDEN`
                        """
                    ), (404, "`AGENT_NOT_FOUND`, `AGENT_TASK_NOT_FOUND`"), (413, "The body is too large."),
                    (415, "The body cannot be JSON."),
                    (422, "The body has not the right form."), (429, "`AGENT_ALERT_RATE_LIMITED`"),
                    (503, "`AGENTS_DISABLED`"),
                ]), use: take)
    }

    private func take(_ request: Request, _ agentID: String) async throws -> JSON {
        do {
            return try await store(request, agentID)
        } catch let error as HTTPError {
            refused.increment(error.code)
            throw error
        }
    }

    private func store(_ request: Request, _ agentID: String) async throws -> JSON {
        guard let directory = capabilities[.agentDirectory] else { throw AlertCode.agentsDisabled }
        try await directory.authorise(request, as: agentID)
        // After the token: nobody else can use up an agent's rate.
        if let wait = limiter.take(agentID) { throw AlertCode.rateLimited(wait) }
        let alert = try await alerts.raise(try await AlertForm.read(request, of: agentID))
        var answer: JSONObject = ["status": "ok"]
        for (key, value) in alert.members { answer[key] = value }
        return .object(answer)
    }
}
