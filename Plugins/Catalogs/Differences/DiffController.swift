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
        let form = try DiffForm(try await BodyForm(request, limit: DiffForm.bodyLimit))
        let diff = try await service.save(form, by: ChangeAuthor(request))
        return Response(headers: Self.json, body: .bytes(diff.text))
    }

    private func list(_ request: Request) async throws -> Response {
        var form = QueryForm(request.query)
        let limit = form.integer("limit", in: 1...50) ?? 10
        try form.finish()
        let ids = try await service.store.newest(limit)
        // One at a time: fifty large snapshots need not be in memory together.
        return Response(
            headers: Self.json,
            body: .stream(length: nil) { writer in
                var separator = "["
                for id in ids {
                    guard let diff = try await service.store.diff(id) else { continue }
                    try await writer.write(Array(separator.utf8) + diff.text)
                    separator = ","
                }
                try await writer.write(Array((separator == "[" ? "[]" : "]").utf8))
            })
    }

    private static let json: HTTPFields = ["Content-Type": "application/json; charset=utf-8"]
}
