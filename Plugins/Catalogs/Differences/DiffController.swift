import PluginAPI

/// `/api/admin/comfyui/server-diff`.
struct DiffController: Sendable {
    /// Stores and computes.
    let service: DiffService

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.post(
            "/server-diff",
            docs: OperationDocs(
                "Stores what servers lack of what one of them has.",
                description: """
                    A `payload` with `servers` is stored as it is. Without, the daemon asks all servers itself, or those \
                    of `executorIds`, and looks up in the catalogs where the missing files and nodes come from.
                    """, body: DiffSchemas.form, returns: DiffSchemas.row, errors: DiffSchemas.postErrors), use: save)
        routes.get(
            "/server-diff",
            docs: OperationDocs(
                "The stored differences, the newest first.",
                query: [
                    QueryDoc(
                        "limit", "How many at most.",
                        schema: ["type": "integer", "minimum": 1, "maximum": 50, "default": 10])
                ], returns: ["type": "array", "items": DiffSchemas.row], errors: [(422, "Bad query.")]), use: list)
    }

    private func save(_ request: Request) async throws -> Response {
        let bytes = try await request.jsonBytes(limit: DiffForm.bodyLimit)
        // Megabytes take longer to parse than other requests of the loop should wait.
        let form = try await service.blocking.run { try DiffForm(BodyForm(BodyForm.object(bytes))) }
        let diff = try await service.save(form, by: ChangeAuthor(request))
        return Response(headers: Self.json, body: .bytes(diff.text))
    }

    private func list(_ request: Request) async throws -> Response {
        var form = QueryForm(request.query)
        let limit = form.integer("limit", in: 1...50) ?? 10
        try form.finish()
        let (ids, first) = try await service.store.newest(limit)
        // One at a time: fifty large snapshots need not be in memory together.
        return ListAnswer.response(
            head: "[", first: first?.text ?? [], rest: Array(ids.dropFirst()), batch: 1, tail: "]"
        ) { ids in
            guard let id = ids.first, let diff = try await service.store.diff(id) else { return [] }
            return diff.text
        }
    }

    private static let json: HTTPFields = ["Content-Type": "application/json; charset=utf-8"]
}
