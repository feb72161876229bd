import PluginAPI

/// `GET /api/admin/comfyui/loras`: the catalog beside what a server has.
struct LoraListController: Sendable {
    /// The rows.
    let store: CatalogStore
    /// Looks at servers.
    let finder: LoraFinder

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        let kind = CatalogKind.loras
        routes.get(
            "/\(kind.name)",
            docs: OperationDocs(
                "The catalog, the last changed \(kind.noun) first; with `executorId` beside the files of a server.",
                description:
                    "A server that cannot be asked leaves `installedFiles`, `untrackedFiles` and `installed` null; "
                    + "`executorError` then has the code of the error.",
                query: CatalogQuery.docs(kind) + [
                    QueryDoc("executorId", ServerSchemas.executorID.help),
                    QueryDoc(
                        "includeUntracked", "Whether files of the server that the catalog does not have are listed.",
                        schema: ["type": "boolean", "default": true]),
                    ServerSchemas.refresh,
                ], returns: Self.schema, errors: [(422, "Bad query.")]), use: list)
    }

    private func list(_ request: Request) async throws -> Response {
        var form = QueryForm(request.query)
        let query = CatalogQuery(.loras, &form)
        let includeUntracked = form.flag("includeUntracked") ?? true
        let refresh = form.flag("refresh") ?? false
        try form.finish()
        var installed = InstalledLoras()
        if let executorID = form.text("executorId") {
            installed = try await finder.look(at: executorID, untracked: includeUntracked, refresh: refresh)
        }
        let page = try await store.page(.loras, query)
        return ListAnswer.response(
            head: JSON.object(installed.json).text().dropLast() + #","items":["#,
            first: ListAnswer.text(page.first.map(installed.shown)), rest: page.rest, batch: CatalogStore.batch
        ) { [installed] ids in
            ListAnswer.text(try await store.entries(.loras, ids).map(installed.shown))
        }
    }

    /// The answer's schema: that of the plain list, and what the envelope has besides.
    private static let schema: JSON = {
        let text: JSON = ["type": ["string", "null"]]
        let texts: JSON = ["type": ["array", "null"], "items": ["type": "string"]]
        var properties: JSONObject = [
            "executorId": text, "baseUrl": text, "installedFiles": texts, "untrackedFiles": texts,
            "executorError": text,
        ]
        for (name, schema) in CatalogSchemas.list(.loras)["properties"]?.objectValue ?? [:] {
            properties[name] = schema
        }
        return [
            "type": "object", "required": .array(properties.keys.map { .string($0) }),
            "properties": .object(properties),
        ]
    }()
}
