import PluginAPI

/// `/api/admin/comfyui/{catalog}`: list, upsert, change, delete.
struct CatalogController: Sendable {
    /// The catalog.
    let kind: CatalogKind
    /// The rows.
    let store: CatalogStore

    /// The largest body in bytes.
    static let bodyLimit = 1 << 20

    /// Declares the routes but the list, which LoRAs have of their own.
    func declare(_ routes: inout RouteGroup) {
        let path = "/\(kind.name)"
        routes.get(
            path + "/{id}", RowID.self,
            docs: OperationDocs(
                "One \(kind.noun).", returns: CatalogSchemas.entry(kind), errors: CatalogSchemas.badID), use: one)
        routes.post(
            path,
            docs: OperationDocs(
                "Adds a \(kind.noun), or changes the one with the same \(kind.key.joined(separator: " and ")).",
                description: "Fields that are absent keep their value.", body: CatalogSchemas.form(kind, isNew: true),
                returns: CatalogSchemas.entry(kind), errors: CatalogSchemas.badBody), use: upsert)
        routes.put(
            path + "/{id}", RowID.self,
            docs: OperationDocs(
                "Changes a \(kind.noun).", description: "Fields that are absent keep their value.",
                body: CatalogSchemas.form(kind, isNew: false), returns: CatalogSchemas.entry(kind),
                errors: CatalogSchemas.badBody + CatalogSchemas.badID + [
                    (409, "`CATALOG_ENTRY_EXISTS`: another row has this key.")
                ]), use: change)
        routes.delete(
            path + "/{id}", RowID.self,
            docs: OperationDocs(
                "Deletes a \(kind.noun).", returns: CatalogSchemas.deleted, errors: CatalogSchemas.badID), use: delete)
    }

    /// Declares the list.
    func declareList(_ routes: inout RouteGroup) {
        routes.get(
            "/\(kind.name)",
            docs: OperationDocs(
                "The catalog, the last changed \(kind.noun) first.", query: CatalogQuery.docs(kind),
                returns: CatalogSchemas.list(kind), errors: [(422, "Bad query.")]), use: list)
    }

    private func list(_ request: Request) async throws -> Response {
        var form = QueryForm(request.query)
        let query = CatalogQuery(kind, &form)
        try form.finish()
        let page = try await store.page(kind, query)
        return ListAnswer.response(
            first: ListAnswer.text(page.first.map(shown)), rest: page.rest, batch: CatalogStore.batch
        ) { ids in
            ListAnswer.text(try await store.entries(kind, ids).map(shown))
        }
    }

    private func one(_ request: Request, _ id: RowID) async throws -> JSON {
        .object(shown(try await store.entry(kind, try id.value)))
    }

    private func upsert(_ request: Request) async throws -> JSON {
        let fields = try CatalogFields(kind, new: try await BodyForm(request, limit: Self.bodyLimit))
        let entry = try await store.change(kind, by: ChangeAuthor(request)) { try $0.upsert(fields).entry }
        return .object(shown(entry))
    }

    private func change(_ request: Request, _ id: RowID) async throws -> JSON {
        let number = try id.value
        let fields = try CatalogFields(kind, change: try await BodyForm(request, limit: Self.bodyLimit))
        let entry = try await store.change(kind, by: ChangeAuthor(request)) { try $0.update(number, fields).entry }
        return .object(shown(entry))
    }

    private func delete(_ request: Request, _ id: RowID) async throws -> JSON {
        let number = try id.value
        try await store.change(kind, by: ChangeAuthor(request)) { try $0.delete(number) }
        return ["status": "deleted"]
    }

    private func shown(_ entry: CatalogEntry) -> JSONObject {
        var body = entry.json
        if kind.name == CatalogKind.loras.name { body["installed"] = .null }
        return body
    }
}
