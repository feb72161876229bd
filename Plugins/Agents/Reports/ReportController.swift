import PluginAPI

/// `POST /api/agent/tasks/{task_id}/events`, `…/complete` and `…/failed` (seed 001 §4–6, `spec/agents.md` §6.3, §6.4).
struct ReportController: Sendable {
    /// Checks tokens.
    let gate: AgentGate
    /// Takes reports.
    let reports: TaskReports
    /// Holds each agent to a rate.
    let limits: AgentLimits

    /// The largest event in bytes.
    private static let eventLimit = 64 << 10
    /// The largest receipt in bytes: it may name some thousand items.
    private static let receiptLimit = 1 << 20

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        let errors = AgentSchemas.badBody + AgentSchemas.agentSide + [(409, "`AGENT_TASK_EXPIRED`")]
        routes.post(
            "/tasks/{task_id}/events", String.self,
            docs: OperationDocs(
                "Takes news of a task.",
                description: "Needs the task's token. `step`, `progress` and their like are shown in `payload` too.",
                body: AgentSchemas.eventForm, returns: AgentSchemas.event, errors: errors), use: event)
        routes.post(
            "/tasks/{task_id}/complete", String.self,
            docs: OperationDocs(
                "Ends a task with success.",
                description: "Needs the task's token. A task that has ended stays as it is, and is answered.",
                body: AgentSchemas.completeForm, bodyIsRequired: false, returns: AgentSchemas.task, errors: errors),
            use: complete)
        routes.post(
            "/tasks/{task_id}/failed", String.self,
            docs: OperationDocs(
                "Ends a task as failed.",
                description: "Needs the task's token. A task that has ended stays as it is, and is answered.",
                body: AgentSchemas.failedForm, bodyIsRequired: false, returns: AgentSchemas.task, errors: errors),
            use: failed)
    }

    private func event(_ request: Request, _ id: String) async throws -> JSON {
        let task = try await gate.task(id, request)
        try limits.events.count(task.agentID)
        let form = try EventForm(try await BodyForm.spelled(request, limit: Self.eventLimit))
        return try await reports.take(form, of: task).json
    }

    private func complete(_ request: Request, _ id: String) async throws -> JSON {
        try await finish(request, id, .complete)
    }

    private func failed(_ request: Request, _ id: String) async throws -> JSON {
        try await finish(request, id, .failed)
    }

    private func finish(_ request: Request, _ id: String, _ outcome: Receipt.Outcome) async throws -> JSON {
        let task: AgentTask
        do {
            task = try await gate.task(id, request)
        } catch let error as HTTPError where error.has(.taskExpired) || error.has(.tokenExpired) {
            await keepLate(request, id, outcome)
            throw error
        }
        return .object(try await reports.take(try await receipt(request, of: task, outcome), of: task).json)
    }

    /// Keeps what an agent did, although the answer is a refusal; a token ends with its task, so that the refusal may be either.
    private func keepLate(_ request: Request, _ id: String, _ outcome: Receipt.Outcome) async {
        guard let task = try? await gate.task(id, request, isLate: true),
            let receipt = try? await receipt(request, of: task, outcome)
        else { return }
        do {
            try await reports.keepLate(receipt, of: task)
        } catch {
            request.logger.error("a late receipt could not be kept", ["task.id": id, "error": "\(error)"])
        }
    }

    private func receipt(_ request: Request, of task: AgentTask, _ outcome: Receipt.Outcome) async throws -> Receipt {
        try limits.requests.count(task.agentID)
        let body = try await BodyForm.body(request, limit: Self.receiptLimit, mayBeAbsent: true)
        return try Receipt(body, outcome)
    }
}
