import ComfyUI
import PluginAPI

/// `GET /api/history` and `GET /api/history/{prompt_id}` in ComfyUI's form, while no other plugin claims the paths.
struct TaskHistoryController: Sendable {
    /// What knows the prompts.
    let look: TaskLook
    let context: PluginContext

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get("/api/history", docs: Self.listDocs, use: list)
        routes.get("/api/history/{prompt_id}", String.self, docs: Self.entryDocs, use: entry)
    }

    private func list(_ request: Request) async throws -> JSON {
        let offset = try Self.number("offset", atLeast: -1, of: request.query)
        let range = HistoryRange(
            maxItems: try Self.number("max_items", atLeast: 0, of: request.query), offset: offset == -1 ? nil : offset,
            caller: JobCaller.limit(of: request.principal))
        let backend = look.backends.current
        let entries = try await look.limited(TaskLook.resultLimit) { try await backend.histories(range) }
        let base = context.daemon.baseURL(for: request)
        return .object(
            JSONObject(entries.map { ($0.key, OutputLinks.adding(to: $0.value, promptID: $0.key, base: base)) }))
    }

    private func entry(_ request: Request, _ promptID: String) async throws -> JSON {
        // Whose it is matters to callers who may not see all.
        if JobCaller.limit(of: request.principal) != nil { _ = try await look.job(promptID, for: request) }
        guard let entry = try await look.history(promptID) else { return [:] }
        let base = context.daemon.baseURL(for: request)
        return .object([promptID: OutputLinks.adding(to: entry, promptID: promptID, base: base)])
    }

    private static func number(_ name: String, atLeast least: Int, of query: QueryItems) throws(HTTPError) -> Int? {
        guard let text = query[name] else { return nil }
        guard let number = Int(text), number >= least else {
            throw HTTPError(
                .badRequest, "http.bad_query", "\(name) must be a whole number, at least \(least).")
        }
        return number
    }

    private static let listDocs = OperationDocs(
        "The results of all prompts in ComfyUI's form, by prompt id, the oldest first.",
        description: "Each file in `outputs` has a `url` too.",
        query: [
            QueryDoc("max_items", "How many at most, the newest.", schema: ["type": "integer", "minimum": 0]),
            QueryDoc(
                "offset", "Where to begin, from the oldest; -1 for the newest.",
                schema: ["type": "integer", "minimum": -1]),
        ],
        returns: ["type": "object", "additionalProperties": ["type": "object"]],
        errors: [(400, "A number is none.")] + OperationDocs.readFails)

    private static let entryDocs = OperationDocs(
        "The result of a prompt in ComfyUI's form.",
        description: "An object with the entry under the prompt's id; `{}` while it is unfinished or unknown.",
        returns: ["type": "object", "additionalProperties": ["type": "object"]],
        errors: [OperationDocs.othersPrompt] + OperationDocs.readFails)
}
