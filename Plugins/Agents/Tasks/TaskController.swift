import PluginAPI

/// `/api/admin/comfyui/tasks` (seed 000 §8, `spec/agents.md` §4).
struct TaskController: Sendable {
    /// Does what is asked for.
    let service: TaskService
    /// The tasks.
    let tasks: TaskStore
    /// Knows the daemon's address.
    let daemon: DaemonSettings

    /// The largest body in bytes.
    private static let bodyLimit = 1 << 20

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/tasks",
            docs: OperationDocs(
                "The tasks, the newest first.",
                query: [QueryDoc("agent_id", "The agent."), QueryDoc("status", "The exact status.")] + ListPage.docs,
                returns: AgentSchemas.list(AgentSchemas.task), errors: [(422, "Bad query.")]), use: list)
        routes.post(
            "/tasks",
            docs: OperationDocs(
                "Makes a task and pushes it to its agent.",
                description: "A task whose push fails exists all the same: its `taskId` is in the error.",
                query: [QueryDoc("push", "Whether it is pushed; true by default.", schema: ["type": "boolean"])],
                body: AgentSchemas.taskForm, returns: AgentSchemas.task,
                errors: AgentSchemas.badBody + [
                    (400, "`AGENT_BASE_URL_MISSING`, `AGENT_PUSH_TARGET_REFUSED`"), (403, "`AGENT_NOT_ALLOWED`"),
                    (404, "`AGENT_NOT_FOUND`, `AGENT_MANIFEST_NOT_FOUND`"), (409, "`AGENT_TASK_ALREADY_EXISTS`"),
                    (502, "`AGENT_PUSH_FAILED`"),
                ]), use: create)
        routes.get(
            "/tasks/{task_id}", String.self,
            docs: OperationDocs("One task.", returns: AgentSchemas.task, errors: [AgentSchemas.noTask]), use: one)
        routes.post(
            "/tasks/{task_id}/push", String.self,
            docs: OperationDocs(
                "Pushes a task to its agent; a failed or rejected one begins anew.",
                returns: AgentSchemas.pushed,
                errors: [
                    AgentSchemas.noTask, (400, "`AGENT_BASE_URL_MISSING`, `AGENT_PUSH_TARGET_REFUSED`"),
                    (403, "`AGENT_NOT_ALLOWED`"), (409, "`AGENT_TASK_FINISHED`, `AGENT_TASK_EXPIRED`"),
                    (502, "`AGENT_PUSH_FAILED`"),
                ]), use: push)
        routes.post(
            "/tasks/{task_id}/cancel", String.self,
            docs: OperationDocs(
                "Ends a task as rejected; its tokens count no more.", returns: AgentSchemas.task,
                errors: [AgentSchemas.noTask, (409, "`AGENT_TASK_FINISHED`")]), use: cancel)
        routes.post(
            "/tasks/{task_id}/revoke", String.self,
            docs: OperationDocs(
                "Makes the tokens of a task count no more.",
                description: "The agent can report again after the next push, which brings it a new token.",
                returns: AgentSchemas.task, errors: [AgentSchemas.noTask]), use: revoke)
        routes.get(
            "/tasks/{task_id}/events", String.self,
            docs: OperationDocs(
                "What was told about a task, the newest first.", query: ListPage.docs,
                returns: AgentSchemas.list(AgentSchemas.event), errors: [(422, "Bad query.")]), use: events)
    }

    private func list(_ request: Request) async throws -> JSON {
        var form = QueryForm(request.query)
        let agentID = form.text("agent_id") ?? form.text("agentId")
        let state = form.text("status")
        let page = ListPage(&form)
        try form.finish()
        return .array(
            try await tasks.list(agentID: agentID, state: state, limit: page.limit, offset: page.offset).map {
                .object($0.json)
            })
    }

    private func create(_ request: Request) async throws -> JSON {
        var query = QueryForm(request.query)
        let isPushed = query.flag("push") ?? true
        try query.finish()
        let form = try TaskForm(try await BodyForm.spelled(request, limit: Self.bodyLimit))
        return .object(try await service.create(form, baseURL: daemon.baseURL(for: request), isPushed: isPushed).json)
    }

    private func one(_ request: Request, _ id: String) async throws -> JSON {
        .object(try await tasks.find(id).json)
    }

    private func push(_ request: Request, _ id: String) async throws -> JSON {
        try await service.push(id).json
    }

    private func cancel(_ request: Request, _ id: String) async throws -> JSON {
        .object(try await service.cancel(id, by: JobCaller.actor(of: request)).json)
    }

    private func revoke(_ request: Request, _ id: String) async throws -> JSON {
        .object(try await service.revoke(id, by: JobCaller.actor(of: request)).json)
    }

    private func events(_ request: Request, _ id: String) async throws -> JSON {
        var form = QueryForm(request.query)
        let page = ListPage(&form)
        try form.finish()
        return .array(try await tasks.events(of: id, limit: page.limit, offset: page.offset).map(\.json))
    }
}
