import PluginAPI

/// Decides whether a request of the agent's side may go on; the checks are in the order of `spec/agents.md` §2 and §6.
struct AgentGate: Sendable {
    /// Checks tokens.
    let tokens: AgentTokens
    /// The agents.
    let roster: AgentRoster
    /// The tasks.
    let tasks: TaskStore
    /// Tells when a task's time is over.
    let clock: any TimeSource

    /// Lets an agent speak for itself: heartbeats and alerts.
    ///
    /// - Returns: The agent.
    /// - Throws: ``HTTPError`` 401, 403 `AGENT_TOKEN_SCOPE_INVALID` for a scope that there is not, 403 `AGENT_NOT_ALLOWED` for another
    ///   agent's token (before it is said whether the agent exists), 404 `AGENT_NOT_FOUND`, 403 `AGENT_NOT_ALLOWED`, 403
    ///   `AGENT_TOKEN_PAYLOAD_MISMATCH` for a token of a deleted agent that had the id; for a task's token also 404
    ///   `AGENT_TASK_NOT_FOUND`, 403 `AGENT_TASK_FORBIDDEN` for another agent's task, 403 `AGENT_TOKEN_PAYLOAD_MISMATCH` for a revoked
    ///   one; ``DatabaseError``.
    func agent(_ id: String, _ request: Request) async throws -> AgentRecord {
        let claims = try tokens.claims(of: try AgentTokens.bearer(of: request))
        // Of either scope: a token of a task is the agent's, too.
        if let claims, claims.agentID != id { throw HTTPError(.agentNotAllowed) }
        let agent = try roster.find(id)
        guard agent.mayTalk else { throw HTTPError(.agentNotAllowed) }
        guard let claims else { return agent }
        guard claims.isOwn(of: agent) else { throw HTTPError(.payloadMismatch) }
        // A revoked token of a task is no better than none.
        if let taskID = claims.taskID { try Self.check(try await tasks.find(taskID), claims) }
        return agent
    }

    /// Lets an agent report about a task.
    ///
    /// - Parameter isLate: Whether it may although the time of the task, or of the token, is over.
    /// - Throws: ``HTTPError`` 401, 403 `AGENT_TOKEN_SCOPE_INVALID`, 403 `AGENT_TASK_FORBIDDEN` for another task's token, 404
    ///   `AGENT_TASK_NOT_FOUND`, 403 `AGENT_TASK_FORBIDDEN` for another agent's, 403 `AGENT_TOKEN_PAYLOAD_MISMATCH` for a revoked one, 403
    ///   `AGENT_NOT_ALLOWED`, 409 `AGENT_TASK_EXPIRED`; ``DatabaseError``.
    func task(_ id: String, _ request: Request, isLate: Bool = false) async throws -> AgentTask {
        let claims = try tokens.claims(of: try AgentTokens.bearer(of: request), isLate: isLate)
        if let claims {
            guard claims.scope == .task else { throw HTTPError(.scopeInvalid) }
            guard claims.taskID == id else { throw HTTPError(.taskForbidden) }
        }
        return try check(try await tasks.find(id), claims, isLate: isLate)
    }

    /// Lets an agent read a manifest; `nil` for a debug token, which needs no task.
    ///
    /// - Throws: as ``task(_:_:isLate:)``, and then 403 `AGENT_MANIFEST_FORBIDDEN` when the task has another one.
    func taskOfManifest(_ id: Int64, _ request: Request) async throws -> AgentTask? {
        guard let claims = try tokens.claims(of: try AgentTokens.bearer(of: request)) else { return nil }
        guard claims.scope == .task, let taskID = claims.taskID else { throw HTTPError(.scopeInvalid) }
        let task = try check(try await tasks.find(taskID), claims)
        guard task.manifestID == id else { throw HTTPError(.manifestForbidden) }
        return task
    }

    /// Lets a token vouch for an agent, and for a task where it has one (`spec/agents.md` §6.2).
    ///
    /// - Returns: The token's task.
    /// - Throws: ``HTTPError`` 404 `AGENT_NOT_FOUND`, 403 `AGENT_NOT_ALLOWED`, 404 `AGENT_TASK_NOT_FOUND`, 403 `AGENT_TASK_FORBIDDEN`, 403
    ///   `AGENT_TOKEN_PAYLOAD_MISMATCH`, 409 `AGENT_TASK_EXPIRED`; ``DatabaseError``.
    func verify(_ claims: AgentClaims) async throws -> AgentTask? {
        let agent = try roster.find(claims.agentID)
        guard agent.mayTalk else { throw HTTPError(.agentNotAllowed) }
        guard claims.isOwn(of: agent) else { throw HTTPError(.payloadMismatch) }
        guard let taskID = claims.taskID else { return nil }
        return try check(try await tasks.find(taskID), claims)
    }

    private func check(
        _ task: AgentTask, _ claims: AgentClaims?, isLate: Bool = false
    ) throws(HTTPError) -> AgentTask {
        if let claims { try Self.check(task, claims) }
        let agent = try roster.find(task.agentID)
        guard agent.mayTalk else { throw HTTPError(.agentNotAllowed) }
        guard isLate || clock.wallClock < task.expiresAt else { throw HTTPError(.taskExpired) }
        return task
    }

    private static func check(_ task: AgentTask, _ claims: AgentClaims) throws(HTTPError) {
        guard claims.agentID == task.agentID else { throw HTTPError(.taskForbidden) }
        // Compared as secrets are: agents hold the keys too, so that the nonce alone tells their tokens from ours.
        guard Secret(claims.nonce) == Secret(task.nonce) else { throw HTTPError(.payloadMismatch) }
    }
}
