import PluginAPI

/// Does with agents what administrators decide: on disk first, then in memory.
struct AgentService: Sendable {
    /// The agents on disk.
    let store: AgentStore
    /// The agents in memory.
    let roster: AgentRoster
    /// Makes tokens.
    let tokens: AgentTokens
    /// How long an agent's token lives unless somebody says it.
    let tokenLife: Duration
    /// Knows who is heard of.
    let presence: PresenceBoard
    /// Forgets what a deleted agent sent.
    let limits: AgentLimits
    /// Tells the time.
    let clock: any TimeSource
    /// Keeps who decided what.
    let logger: Logger

    /// Adds an agent.
    ///
    /// - Throws: ``HTTPError`` 409 `AGENT_ALREADY_EXISTS`; ``DatabaseError``.
    func add(_ form: AgentForm, by actor: String) async throws -> AgentRecord {
        let now = clock.wallClock
        var agent = AgentRecord(id: form.id ?? "", decision: AgentRecord.Decision(), createdAt: now, updatedAt: now)
        form.apply(to: &agent.decision)
        try await write(agent.id) { [agent] in try await store.insert(agent) }
        logger.notice("agent added", ["agent.id": agent.id, "by": actor])
        return agent
    }

    /// Changes what was decided of an agent.
    ///
    /// - Throws: ``HTTPError`` 400 `AGENT_ID_IMMUTABLE`, 404 `AGENT_NOT_FOUND`; ``DatabaseError``.
    func change(_ id: String, _ form: AgentForm, by actor: String) async throws -> AgentRecord {
        if let given = form.id, given != id { throw HTTPError(.idImmutable) }
        let now = clock.wallClock
        try await write(id) { try await store.change(id, at: now) { form.apply(to: &$0) } }
        let agent = try roster.find(id)
        logger.notice(
            "agent changed",
            ["agent.id": id, "by": actor, "status": agent.decision.status, "allowed": "\(agent.decision.allowed)"])
        // While it was disabled nobody waited for its heartbeats; from now on it has the whole patience.
        if agent.mayTalk, agent.report.lastHeartbeatAt != nil { presence.expect([id]) }
        return agent
    }

    /// Deletes an agent with its tasks.
    ///
    /// - Throws: as ``AgentStore/remove(_:isForced:)``.
    func remove(_ id: String, isForced: Bool, by actor: String) async throws {
        try await write(id) { try await store.remove(id, isForced: isForced) }
        logger.notice("agent deleted", ["agent.id": id, "by": actor])
        presence.forget(id)
        limits.forget(id)
    }

    /// Makes a token for an agent.
    ///
    /// - Parameter life: How long it lives; `nil` as long as the configuration says.
    /// - Throws: ``HTTPError`` 404 `AGENT_NOT_FOUND`, 403 `AGENT_NOT_ALLOWED`, 503 before the keys are loaded.
    func issueToken(for id: String, life: Duration?, by actor: String) throws -> AgentTokens.Issued {
        let agent = try roster.find(id)
        guard agent.mayTalk else { throw HTTPError(.agentNotAllowed) }
        let end = clock.wallClock.advanced(by: life ?? tokenLife)
        let issued = try tokens.issue(agentID: id, since: agent.createdAt, until: end)
        logger.notice("agent token issued", ["agent.id": id, "by": actor, "until": issued.expiresAt.iso8601])
        return issued
    }

    /// Writes what was decided of an agent, and has it in memory as it is on disk then.
    ///
    /// Whoever asked may be gone by now, and a write that failed may have been seen by another one: neither leaves memory behind.
    private func write(_ id: String, _ body: () async throws -> Void) async throws {
        let follow = { @Sendable in
            try await Task { [store, roster] in try await store.follow(id) { roster.follow(id, $0) } }.value
        }
        do {
            try await body()
        } catch {
            try? await follow()
            throw error
        }
        try await follow()
    }
}
