import PluginAPI

/// `/api/admin/comfyui/manifests` (seed 000 §7, `spec/agents.md` §3).
struct ManifestController: Sendable {
    /// The manifests.
    let store: ManifestStore
    /// Tells the time.
    let clock: any TimeSource

    /// The largest body in bytes: a manifest names some thousand files.
    private static let bodyLimit = 8 << 20

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/manifests",
            docs: OperationDocs(
                "The manifests, the last changed first.",
                query: [QueryDoc("role", "The exact role."), QueryDoc("status", "The exact status.")] + ListPage.docs,
                returns: AgentSchemas.list(AgentSchemas.manifest), errors: [(422, "Bad query.")]), use: list)
        routes.post(
            "/manifests",
            docs: OperationDocs(
                "Adds a manifest.", body: AgentSchemas.manifestForm(isNew: true), returns: AgentSchemas.manifest,
                errors: AgentSchemas.badBody + [(409, "`AGENT_MANIFEST_EXISTS`")]), use: add)
        routes.get(
            "/manifests/{id}", RowID.self,
            docs: OperationDocs(
                "One manifest.", returns: AgentSchemas.manifest,
                errors: [(404, "`AGENT_MANIFEST_NOT_FOUND`"), (422, "The id is no number.")]), use: one)
        routes.put(
            "/manifests/{id}", RowID.self,
            docs: OperationDocs(
                "Changes a manifest.",
                description: "Absent keys change nothing. Tasks that were made before keep the manifest as it was.",
                body: AgentSchemas.manifestForm(isNew: false), returns: AgentSchemas.manifest,
                errors: AgentSchemas.badBody + [
                    (404, "`AGENT_MANIFEST_NOT_FOUND`"), (409, "`AGENT_MANIFEST_EXISTS`"),
                ]), use: change)
    }

    private func list(_ request: Request) async throws -> JSON {
        var form = QueryForm(request.query)
        let role = form.text("role")
        let status = form.text("status")
        let page = ListPage(&form)
        try form.finish()
        return .array(
            try await store.list(role: role, status: status, limit: page.limit, offset: page.offset).map {
                .object($0.json)
            })
    }

    private func one(_ request: Request, _ id: RowID) async throws -> JSON {
        .object(try await store.find(try id.value).json)
    }

    private func add(_ request: Request) async throws -> JSON {
        let form = try ManifestForm(try await BodyForm.spelled(request, limit: Self.bodyLimit), isNew: true)
        return .object(try await store.insert(at: clock.wallClock) { form.apply(to: &$0) }.json)
    }

    private func change(_ request: Request, _ id: RowID) async throws -> JSON {
        let number = try id.value
        let form = try ManifestForm(try await BodyForm.spelled(request, limit: Self.bodyLimit), isNew: false)
        return .object(try await store.change(number, at: clock.wallClock) { form.apply(to: &$0) }.json)
    }
}
