import PluginAPI

/// `POST /api/agent/auth/verify` (seed 001 §2, `spec/agents.md` §6.2): an agent asks whether a token it was given is good.
struct VerifyController: Sendable {
    /// Checks tokens.
    let gate: AgentGate
    /// Holds each agent to a rate.
    let limits: AgentLimits

    /// The largest body in bytes: a token and three names.
    private static let bodyLimit = 64 << 10

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.post(
            "/auth/verify",
            docs: OperationDocs(
                "Tells whether a token is good.",
                description:
                    "Needs no header: the token is in the body. What else is given must be what the token says.",
                body: AgentSchemas.verifyForm, bodyIsRequired: false, returns: AgentSchemas.verified,
                errors: AgentSchemas.badBody + AgentSchemas.agentSide + [(409, "`AGENT_TASK_EXPIRED`")]), use: verify)
    }

    private func verify(_ request: Request) async throws -> JSON {
        var form = try await BodyForm.spelled(request, limit: Self.bodyLimit, mayBeAbsent: true)
        let token = form.string("token", isSecret: true)?.trimmed ?? ""
        let agentID = Self.given(&form, "agentId")
        let taskID = Self.given(&form, "taskId")
        let nonce = Self.given(&form, "nonce")
        try form.finish()
        guard !token.isEmpty else { throw HTTPError(.tokenRequired) }
        guard let claims = try gate.tokens.claims(of: token) else {
            return Self.answer(agentID ?? "debug", taskID, nil, "debug")
        }
        guard agentID == nil || agentID == claims.agentID, taskID == nil || taskID == claims.taskID,
            nonce == nil || nonce == claims.nonce
        else { throw HTTPError(.payloadMismatch) }
        let task = try await gate.verify(claims)
        try limits.requests.count(claims.agentID)
        return Self.answer(claims.agentID, claims.taskID, task?.expiresAt, claims.scope.rawValue)
    }

    /// A text that is there and not empty.
    private static func given(_ form: inout BodyForm, _ key: String) -> String? {
        form.string(key).flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func answer(
        _ agentID: String, _ taskID: String?, _ expiresAt: Timestamp?, _ scope: String
    ) -> JSON {
        [
            "ok": true, "agentId": .string(agentID), "taskId": JSON(taskID),
            "expiresAt": JSON(expiresAt), "scope": .string(scope),
            "policy": ["allow": true],
        ]
    }
}
