import PluginAPI

/// `POST /api/agent/agents/{id}/heartbeat` (seed 001 §7, `spec/agents.md` §6.6).
struct HeartbeatController: Sendable {
    /// Checks tokens.
    let gate: AgentGate
    /// The agents.
    let roster: AgentRoster
    /// Who is heard of.
    let presence: PresenceBoard
    /// Holds each agent to a rate.
    let limits: AgentLimits
    /// Tells others that an agent is back.
    let events: any EventBus
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
                body: Self.form, bodyIsRequired: false,
                returns: AgentSchemas.allOf([
                    "status": ["type": "string", "enum": ["ok"]], "agentId": ["type": "string"],
                    "receivedAt": ["type": "string", "format": "date-time"],
                ]), errors: AgentSchemas.badBody + AgentSchemas.agentSide), use: take)
    }

    private static let form: JSON = [
        "type": "object",
        "properties": [
            "status": ["type": ["string", "null"]], "cpu": ["type": ["number", "null"]],
            "mem": ["type": ["number", "null"]], "disk_free_gb": ["type": ["number", "null"]],
            "gpu": ["type": ["object", "null"]], "metrics": ["type": ["object", "null"]],
            "payload": ["type": ["object", "null"]], "agent_version": ["type": ["string", "null"]],
            "comfyui_version": ["type": ["string", "null"]],
        ],
    ]

    private func take(_ request: Request, _ id: String) async throws -> JSON {
        _ = try await gate.agent(id, request)
        try limits.heartbeats.count(id)
        let beat = try Heartbeat(try await BodyForm.spelled(request, limit: Self.bodyLimit, mayBeAbsent: true))
        let now = clock.wallClock
        guard roster.report(id, at: now, { beat.apply(to: &$0, at: now) }) != nil else {
            throw HTTPError(.agentNotFound)
        }
        if presence.hear(id) {
            let back = AgentPresence(agentID: id, isOnline: true, lastHeartbeatAt: now)
            events.publish(AgentPresenceChanged(presence: back, at: now))
        }
        return ["status": "ok", "agentId": .string(id), "receivedAt": .string(now.iso8601)]
    }
}
