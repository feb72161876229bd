import PluginAPI

/// `GET /api/task/{prompt_id}/status`.
struct TaskController: Sendable {
    /// What knows the jobs.
    let engine: JobEngine

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/api/task/{prompt_id}/status", String.self,
            docs: OperationDocs(
                "Status and progress of a prompt.",
                description:
                    "`status` is `queued`, `running`, `done`, `failed` or `unknown` (its worker does not answer).",
                returns: [
                    "type": "object",
                    "properties": [
                        "prompt_id": ["type": "string"], "worker_id": ["type": ["string", "null"]],
                        "worker_name": ["type": ["string", "null"]], "status": ["type": "string"],
                        "progress": ["type": ["integer", "null"]], "message": ["type": "string"],
                        "position": ["type": ["integer", "null"]], "current_node": ["type": ["string", "null"]],
                        "node_progress": ["type": "integer"], "history": ["type": "object"],
                    ],
                ],
                errors: [(404, "The prompt was never seen.")]),
            use: status)
    }

    private func status(_ request: Request, _ promptID: String) async throws -> Response {
        let base = engine.context.daemon.baseURL(for: request)
        switch try await engine.known(promptID, base: base) {
        case .ended(let answer):
            return .preparedJSON(answer.status)
        case .open(let live):
            return .json(TaskAnswer.open(live, worker: live.job.workerID.flatMap { engine.pool[$0] }))
        case nil:
            throw HTTPError.unknownPrompt
        }
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
