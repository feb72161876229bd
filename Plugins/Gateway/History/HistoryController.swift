import PluginAPI

/// `GET /api/history/{prompt_id}`.
struct HistoryController: Sendable {
    /// What knows the jobs.
    let engine: JobEngine

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/api/history/{prompt_id}", String.self,
            docs: OperationDocs(
                "The result of a prompt in ComfyUI's form.",
                description: """
                    An object with the entry under the prompt's id; `{}` while the prompt is unfinished. Each file in \
                    `outputs` has a `url` at this gateway. Stored: no worker is asked.
                    """,
                returns: ["type": "object", "additionalProperties": ["type": "object"]],
                errors: [OperationDocs.notYours, (404, "The prompt was never seen.")]),
            use: history)
    }

    private func history(_ request: Request, _ promptID: String) async throws -> Response {
        let base = engine.context.daemon.baseURL(for: request)
        if let answer = try engine.remembered(promptID, for: request, base: base) {
            return .preparedJSON(answer.history)
        }
        return try await lookUp(request, promptID, base)
    }

    private func lookUp(_ request: Request, _ promptID: String, _ base: String) async throws -> Response {
        let known = try await engine.known(promptID, base: base)
        if let known { try JobCaller.check(known.job, request.principal) }
        switch known {
        case .ended(let answer): return .preparedJSON(answer.history)
        case .open: return .preparedJSON(Array("{}".utf8))
        case nil: throw HTTPError.unknownPrompt
        }
    }
}
