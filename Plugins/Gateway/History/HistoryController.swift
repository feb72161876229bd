import PluginAPI

/// The results: `GET /api/history` and `GET /api/history/{prompt_id}`.
struct HistoryController: Sendable {
    /// What knows the jobs.
    let engine: JobEngine

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/api/history",
            docs: OperationDocs(
                "The newest results in ComfyUI's form.",
                description: """
                    Entries by prompt id, the oldest first: the stored ones, and those that workers which answer within two \
                    seconds have of prompts that did not come through this gateway. Each file in `outputs` has a `url` at \
                    this gateway. A key without `jobs:all` finds its own results.
                    """,
                query: [
                    QueryDoc(
                        "max_items",
                        "How many at most; \(HistoryReader.usualLength) if absent, \(HistoryReader.longest) at most.",
                        schema: ["type": "integer"]),
                    QueryDoc(
                        "offset", "Where to begin, from the oldest; the newest ones if absent.",
                        schema: ["type": "integer"]),
                ],
                returns: ["type": "object"], errors: [(422, "A parameter is no integer.")]),
            use: list)
        routes.get(
            "/api/history/{prompt_id}", String.self,
            docs: OperationDocs(
                "The result of a prompt in ComfyUI's form.",
                description: """
                    An object with the entry under the prompt's id; `{}` while the prompt is unfinished. Each file in \
                    `outputs` has a `url` at this gateway. Stored: no worker is asked, unless the prompt did not come through \
                    this gateway. With `history_unknown: empty` an unknown prompt is answered with `{}`.
                    """,
                returns: ["type": "object", "additionalProperties": ["type": "object"]],
                errors: [
                    OperationDocs.notYours, (404, "The prompt was never seen."),
                    (503, "It has not ended, and its worker is no longer registered."),
                ]),
            use: history)
    }

    private func list(_ request: Request) async throws -> Response {
        var form = QueryForm(request.query)
        var range = HistoryRange(caller: JobCaller.limit(of: request.principal))
        range.maxItems = form.integer("max_items")
        range.offset = form.integer("offset")
        try form.finish()
        let reader = HistoryReader(engine: engine)
        let base = engine.context.daemon.baseURL(for: request)
        let items = try await reader.read(range)
        // A list can be large: one entry after the other.
        return Response(
            headers: Response.preparedJSON([]).headers,
            body: .stream(length: nil) { writer in
                var isFirst = true
                for item in items {
                    guard let member = try await reader.member(item, base: base) else { continue }
                    try await writer.write([UInt8(ascii: isFirst ? "{" : ",")] + member)
                    isFirst = false
                }
                try await writer.write(Array((isFirst ? "{}" : "}").utf8))
            })
    }

    private func history(_ request: Request, _ promptID: String) async throws -> Response {
        let base = engine.context.daemon.baseURL(for: request)
        if let answer = try engine.remembered(promptID, for: request, base: base) {
            return .preparedJSON(answer.history)
        }
        return try await lookUp(request, promptID, base)
    }

    private static let empty = Array("{}".utf8)

    private func lookUp(_ request: Request, _ promptID: String, _ base: String) async throws -> Response {
        let known = try await engine.known(promptID, base: base)
        if let known { try JobCaller.check(known.job, request.principal) }
        switch known {
        case .ended(let answer): return .preparedJSON(answer.history)
        case .open(let live):
            try engine.checkOwner(of: live.job)
            return .preparedJSON(Self.empty)
        case nil: return try await lookElsewhere(request, promptID, base)
        }
    }

    /// The result of a prompt that is unknown here: somebody else may have sent it to a worker.
    private func lookElsewhere(_ request: Request, _ promptID: String, _ base: String) async throws -> Response {
        // Who may see its own jobs only may not see those of nobody.
        if JobCaller.limit(of: request.principal) == nil, let found = await engine.foreign.find(promptID) {
            return .preparedJSON(found.result.flatMap { HistoryReader.answer($0, base: base) } ?? Self.empty)
        }
        switch engine.configuration.historyUnknown {
        case .empty: return .preparedJSON(Self.empty)
        case .notFound: throw HTTPError.unknownPrompt
        }
    }
}
