import PluginAPI

/// `POST /api/agent/agents/{id}/heartbeat` (seed 001 §7, `spec/agents.md` §6.6).
struct HeartbeatController: Sendable {
    /// Checks tokens.
    let gate: AgentGate
    /// The agents.
    let roster: AgentRoster
    /// Takes note of who is heard of.
    let watch: PresenceWatch
    /// Holds each agent to a rate.
    let limits: AgentLimits
    /// Tells the time.
    let clock: any TimeSource

    /// The largest body in bytes.
    private static let bodyLimit = 64 << 10

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.post(
            "/agents/{agent_id}/heartbeat", String.self,
            docs: OperationDocs(
                "Takes an agent's heartbeat.",
                description:
                    "Needs the agent's token. What it says of its state never overrides the administrator's word.",
                body: AgentSchemas.heartbeatForm, bodyIsRequired: false, returns: AgentSchemas.heartbeat,
                errors: AgentSchemas.badBody + AgentSchemas.agentSide), use: take)
    }

    private func take(_ request: Request, _ id: String) async throws -> JSON {
        _ = try await gate.agent(id, request)
        try limits.heartbeats.count(id)
        let beat = try Heartbeat(try await BodyForm.spelled(request, limit: Self.bodyLimit, mayBeAbsent: true))
        let now = clock.wallClock
        guard roster.report(id, at: now, { beat.apply(to: &$0, at: now) }) != nil else {
            throw HTTPError(.agentNotFound)
        }
        watch.hear(id, at: now)
        return ["status": "ok", "agentId": .string(id), "receivedAt": .string(now.iso8601)]
    }
}
