import PluginAPI

/// What is known of one prompt: `GET /api/task/…`.
///
/// Everywhere `{id}` is a prompt's id, or its gateway job id.
struct TaskController: Sendable {
    /// What knows the jobs.
    let engine: JobEngine

    /// Declares the routes; those with a word at the place of an id come first.
    func declare(_ routes: inout RouteGroup) {
        routes.get("/api/task/gateway/{gateway_job_id}", String.self, docs: Self.gatewayJobDocs, use: gatewayJob)
        routes.get("/api/task/{id}/status", String.self, docs: Self.statusDocs, use: status)
        routes.get(
            "/api/task/{id}/explain", String.self,
            docs: OperationDocs(
                "The story of a prompt: each transition, who caused it and why.",
                description: """
                    In order; of a very long story the end. The choice of a worker has its `candidates`. A waiting prompt has \
                    its `position` and what it is `waiting_for`.
                    """,
                returns: Schemas.story, errors: [OperationDocs.notYours, (404, "The prompt was never seen.")]),
            use: explain)
        routes.get(
            "/api/task/{id}", String.self,
            docs: OperationDocs(
                "The record of a prompt.",
                description: """
                    `status` is the word of the status answer, `state` the gateway's own: `queued`, `dispatching`, \
                    `submitted`, `running`, `done`, `failed`, `cancelled` or `lost`. Times are RFC 3339 in UTC.
                    """,
                returns: Schemas.task, errors: [OperationDocs.notYours, (404, "The prompt was never seen.")]),
            use: record)
    }

    private static let statusDocs = OperationDocs(
        "Status and progress of a prompt.",
        description: """
            `status` is `queued`, `running`, `done`, `failed` or `unknown` (its worker does not answer). While it waits, \
            `position` is its place in the queue of the gateway, or of its worker.
            """,
        returns: Schemas.status,
        errors: [
            OperationDocs.notYours, (404, "The prompt was never seen."),
            (503, "It has not ended, and its worker is no longer registered."),
        ])

    private static let gatewayJobDocs = OperationDocs(
        "Status of a prompt that was submitted with a priority.",
        description: """
            `status` is `queued`, `submitted`, `running`, `done`, `failed` or `unknown` (its worker is no longer \
            registered). `prompt_id` is null while it is queued.
            """,
        returns: Schemas.gatewayJob,
        errors: [OperationDocs.notYours, (404, "There is no such gateway job.")])

    private func status(_ request: Request, _ id: String) async throws -> Response {
        let base = engine.context.daemon.baseURL(for: request)
        if let answer = try engine.remembered(id, for: request, base: base) { return .preparedJSON(answer.status) }
        return try await lookUpStatus(request, id, base)
    }

    private func lookUpStatus(_ request: Request, _ id: String, _ base: String) async throws -> Response {
        let known = try await engine.known(id, base: base)
        if let known { try JobCaller.check(known.job, request.principal) }
        switch known {
        case .ended(let answer):
            return .preparedJSON(answer.status)
        case .open(let live):
            try engine.checkOwner(of: live.job)
            let member = live.job.workerID.flatMap { engine.pool[$0] }
            return .json(TaskAnswer.open(live, worker: member, position: engine.position(of: live)))
        case nil:
            throw HTTPError.unknownPrompt
        }
    }

    private func gatewayJob(_ request: Request, _ id: String) async throws -> JSON {
        let known = try await engine.knownGatewayJob(id, base: engine.context.daemon.baseURL(for: request))
        if let known { try JobCaller.check(known.job, request.principal) }
        switch known {
        case .ended(let answer):
            return TaskAnswer.gatewayJob(answer.job, worker: nil, position: nil)
        case .open(let live):
            return TaskAnswer.gatewayJob(
                live.job, worker: live.job.workerID.flatMap { engine.pool[$0] }, position: engine.position(of: live))
        case nil:
            throw HTTPError(.notFound, "gateway.unknown_job", "The gateway does not know this job.")
        }
    }

    private func record(_ request: Request, _ id: String) async throws -> JSON {
        TaskRecord(engine: engine).json(try await engine.find(id, for: request))
    }

    private func explain(_ request: Request, _ id: String) async throws -> JSON {
        let promptID = try await engine.find(id, for: request).job.promptID
        guard let story = try await TaskStory(engine: engine).json(promptID) else { throw HTTPError.unknownPrompt }
        return story
    }
}

extension Response {
    /// An answer whose JSON is already rendered.
    static func preparedJSON(_ bytes: [UInt8]) -> Response {
        Response(headers: ["Content-Type": "application/json; charset=utf-8"], body: .bytes(bytes))
    }
}

extension HTTPError {
    /// 404 `gateway.unknown_prompt`.
    static var unknownPrompt: HTTPError {
        HTTPError(.notFound, "gateway.unknown_prompt", "The gateway does not know this prompt.")
    }
}
