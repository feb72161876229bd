import PluginAPI

/// `/api/admin/comfyui/agents`: list, add, change, delete, and tokens.
struct AgentController: Sendable {
    /// The agents on disk.
    let store: AgentStore
    /// The agents in memory.
    let roster: AgentRoster
    /// The tasks, which go with their agent.
    let tasks: TaskStore
    /// Makes tokens.
    let tokens: AgentTokens
    /// How long an agent's token lives unless the request says it.
    let tokenLife: Duration
    /// Tells whether heartbeats come.
    let presence: PresenceBoard
    /// Forgets what a deleted agent sent.
    let limits: AgentLimits
    /// Tells the time.
    let clock: any TimeSource

    /// The largest body in bytes.
    private static let bodyLimit = 1 << 20
    private static let lifetimes = 60...31_536_000

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/agents",
            docs: OperationDocs(
                "The agents, the last changed first.",
                query: ListPage.docs([
                    QueryDoc("status", "The exact status."), QueryDoc("role", "The exact role."),
                ]), returns: ["type": "array", "items": AgentSchemas.agent], errors: [(422, "Bad query.")]), use: list)
        routes.get(
            "/agents/{agent_id}", String.self,
            docs: OperationDocs("One agent.", returns: AgentSchemas.agent, errors: [AgentSchemas.noAgent]), use: one)
        routes.post(
            "/agents",
            docs: OperationDocs(
                "Adds an agent.", body: AgentSchemas.agentForm(isNew: true), returns: AgentSchemas.agent,
                errors: AgentSchemas.badBody + [(409, "`AGENT_ALREADY_EXISTS`")]), use: add)
        routes.put(
            "/agents/{agent_id}", String.self,
            docs: OperationDocs(
                "Changes an agent.", description: "Absent keys change nothing.",
                body: AgentSchemas.agentForm(isNew: false), returns: AgentSchemas.agent,
                errors: AgentSchemas.badBody + [(400, "`AGENT_ID_IMMUTABLE`"), AgentSchemas.noAgent]), use: change)
        routes.delete(
            "/agents/{agent_id}", String.self,
            docs: OperationDocs(
                "Deletes an agent with its tasks; its alerts stay.",
                query: [
                    QueryDoc("force", "Deletes also while a task is running.", schema: ["type": "boolean"])
                ], returns: AgentSchemas.deleted,
                errors: [AgentSchemas.noAgent, (409, "`AGENT_HAS_RUNNING_TASK`"), (422, "Bad query.")]), use: remove)
        routes.post(
            "/agents/{agent_id}/token", String.self,
            docs: OperationDocs(
                "Makes a token for an agent.", body: AgentSchemas.tokenForm, bodyIsRequired: false,
                returns: AgentSchemas.token,
                errors: AgentSchemas.badBody + [AgentSchemas.noAgent, (403, "`AGENT_NOT_ALLOWED`")]), use: token)
    }

    private func list(_ request: Request) throws -> JSON {
        var form = QueryForm(request.query)
        let status = form.text("status")
        let role = form.text("role")
        let page = ListPage(&form)
        try form.finish()
        let found = roster.newest(page) { agent in
            (status == nil || agent.status == status) && (role == nil || agent.decision.role == role)
        }
        return .array(found.map(shown))
    }

    private func one(_ request: Request, _ id: String) throws -> JSON {
        shown(try roster.find(id))
    }

    private func add(_ request: Request) async throws -> JSON {
        let form = try AgentForm(try await BodyForm.spelled(request, limit: Self.bodyLimit), isNew: true)
        let now = clock.wallClock
        var agent = AgentRecord(id: form.id ?? "", decision: AgentRecord.Decision(), createdAt: now, updatedAt: now)
        form.apply(to: &agent.decision)
        try await write(agent.id) { [agent] in try await store.insert(agent) }
        return shown(agent)
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

    private func change(_ request: Request, _ id: String) async throws -> JSON {
        let form = try AgentForm(try await BodyForm.spelled(request, limit: Self.bodyLimit), isNew: false)
        if let given = form.id, given != id { throw HTTPError(.idImmutable) }
        let now = clock.wallClock
        try await write(id) { try await store.change(id, at: now) { form.apply(to: &$0) } }
        let agent = try roster.find(id)
        // While it was disabled nobody waited for its heartbeats; from now on it has the whole patience.
        if agent.mayTalk, agent.report.lastHeartbeatAt != nil { presence.expect([id]) }
        return shown(agent)
    }

    private func remove(_ request: Request, _ id: String) async throws -> JSON {
        var form = QueryForm(request.query)
        let isForced = form.flag("force") ?? false
        try form.finish()
        try await write(id) { try await tasks.removeAgent(id, isForced: isForced) }
        presence.forget(id)
        limits.forget(id)
        return ["status": "deleted"]
    }

    private func token(_ request: Request, _ id: String) async throws -> JSON {
        var form = try await BodyForm.spelled(request, limit: Self.bodyLimit, mayBeAbsent: true)
        let given = form.integer("ttlSeconds") ?? 0
        if given != 0, !Self.lifetimes.contains(given) {
            form.reject("ttlSeconds", "Input should be \(Self.lifetimes.lowerBound) to \(Self.lifetimes.upperBound)")
        }
        try form.finish()
        let agent = try roster.find(id)
        guard agent.mayTalk else { throw HTTPError(.agentNotAllowed) }
        let life = given == 0 ? tokenLife.inNanoseconds / 1_000_000 : Int64(given) * 1000
        let end = Timestamp(milliseconds: clock.wallClock.milliseconds + life)
        let issued = try tokens.issue(agentID: id, since: agent.createdAt, until: end)
        return [
            "token": .string(issued.token.withExposed { $0 }), "expiresAt": .string(issued.expiresAt.iso8601),
            "scope": "agent", "agentId": .string(id),
        ]
    }

    private func shown(_ agent: AgentRecord) -> JSON {
        agent.json(isOnline: presence.isOnline(agent))
    }
}
