import PluginAPI

/// `/api/admin/comfyui/{catalog}/export` and `…/import`: whole catalogs as files.
struct BulkController: Sendable {
    /// The catalog.
    let kind: CatalogKind
    /// Its rows on disk.
    let store: CatalogStore
    /// Where bytes become rows.
    let blocking: any BlockingThreads
    /// The largest body in bytes.
    let byteLimit: Int

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get("/\(kind.name)/export", docs: BulkDocs.export(kind), use: export)
        routes.post("/\(kind.name)/import", docs: BulkDocs.takeIn(kind), use: takeIn)
    }

    private func export(_ request: Request) async throws -> Response {
        var form = QueryForm(request.query)
        var query = CatalogQuery(kind, &form)
        (query.limit, query.offset) = (nil, 0)
        let format = form.choice("format", ExportFormat.self) ?? .jsonLines
        try form.finish()
        return try await CatalogExport(kind: kind, store: store, query: query, format: format).response()
    }

    private func takeIn(_ request: Request) async throws -> JSON {
        var form = QueryForm(request.query)
        let format = form.choice("format", BulkFormat.self) ?? BulkFormat(contentType: request.headers["content-type"])
        let existing = form.choice("existing", CatalogWriter.Existing.self)
        let isDryRun = form.flag("dry_run") ?? false
        if form.text("format") == nil, format == nil {
            form.report("missing", "format", "Field required, because the Content-Type does not tell the format")
        }
        try form.finish()
        guard let format else { return .null }
        try Self.refuseWrapped(request)
        let work = CatalogImport(
            kind: kind, store: store, blocking: blocking, author: ChangeAuthor(request),
            existing: existing ?? format.existing,
            unit: format.unit, isDryRun: isDryRun, byteLimit: byteLimit)
        let report = try await work.run(request.body, format.reader(kind))
        var answer: JSONObject = [
            "catalog": .string(kind.name), "format": .string(format.rawValue),
            "existing": .string(work.existing.rawValue), "dry_run": .bool(isDryRun),
        ]
        for (name, value) in report.json { answer[name] = value }
        answer["request_id"] = .string(request.id)
        return .object(answer)
    }

    /// Refuses bodies whose bytes are not the file itself.
    ///
    /// - Throws: ``HTTPError`` 415.
    private static func refuseWrapped(_ request: Request) throws {
        let type = request.headers["content-type"].map { HeaderParameters($0).value.lowercased() } ?? ""
        let coding = request.headers["content-encoding"] ?? "identity"
        guard type.hasPrefix("multipart/") || !HTTPFields.same(coding, "identity") else { return }
        throw HTTPError(
            .unsupportedMediaType, "http.unsupported_media_type",
            "The body must be the file itself, neither a form nor compressed.",
            headers: ["Accept-Encoding": "identity"])
    }
}
