import PluginAPI

/// `/api/admin/comfyui/agents`: list, add, change, delete, and tokens.
struct AgentController: Sendable {
    /// Changes agents.
    let service: AgentService
    /// The agents.
    let roster: AgentRoster
    /// Tells whether heartbeats come.
    let presence: PresenceBoard

    /// The largest body in bytes.
    private static let bodyLimit = 1 << 20
    /// How long a token may live, in seconds.
    private static let lifetimes = 60...31_536_000

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/agents",
            docs: OperationDocs(
                "The agents, the last changed first.",
                query: [QueryDoc("status", "The exact status."), QueryDoc("role", "The exact role.")] + ListPage.docs,
                returns: AgentSchemas.list(AgentSchemas.agent), errors: [(422, "Bad query.")]), use: list)
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
        return shown(try await service.add(form, by: JobCaller.actor(of: request)))
    }

    private func change(_ request: Request, _ id: String) async throws -> JSON {
        let form = try AgentForm(try await BodyForm.spelled(request, limit: Self.bodyLimit), isNew: false)
        return shown(try await service.change(id, form, by: JobCaller.actor(of: request)))
    }

    private func remove(_ request: Request, _ id: String) async throws -> JSON {
        var form = QueryForm(request.query)
        let isForced = form.flag("force") ?? false
        try form.finish()
        try await service.remove(id, isForced: isForced, by: JobCaller.actor(of: request))
        return ["status": "deleted"]
    }

    private func token(_ request: Request, _ id: String) async throws -> JSON {
        var form = try await BodyForm.spelled(request, limit: Self.bodyLimit, mayBeAbsent: true)
        let seconds = form.integer("ttlSeconds") ?? 0
        if seconds != 0, !Self.lifetimes.contains(seconds) {
            form.reject("ttlSeconds", "Input should be \(Self.lifetimes.lowerBound) to \(Self.lifetimes.upperBound)")
        }
        try form.finish()
        let issued = try service.issueToken(
            for: id, life: seconds == 0 ? nil : .seconds(seconds), by: JobCaller.actor(of: request))
        return [
            "token": .string(issued.token.withExposed { $0 }), "expiresAt": JSON(issued.expiresAt),
            "scope": .string(AgentClaims.Scope.agent.rawValue), "agentId": .string(id),
        ]
    }

    private func shown(_ agent: AgentRecord) -> JSON {
        agent.json(isOnline: presence.isOnline(agent))
    }
}
