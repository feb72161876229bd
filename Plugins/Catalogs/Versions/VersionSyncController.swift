import PluginAPI

/// `POST /api/admin/comfyui/version-catalog/sync`.
struct VersionSyncController: Sendable {
    /// Does it.
    let sync: VersionSync

    /// How many tags may be asked for.
    static let limits = 1...200
    /// How many are read when nothing is said.
    static let usualLimit = 50

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.post(
            "/version-catalog/sync",
            docs: OperationDocs(
                "Takes the newest tags of ComfyUI's repository into the catalog.",
                description: """
                    New tags become versions; of a version that is there only empty fields are filled. All or nothing.
                    `total` tags were read, of which `skipped` have no usable name.
                    """,
                query: [
                    QueryDoc(
                        "limit", "How many tags at most.",
                        schema: [
                            "type": "integer", "minimum": .number(JSONNumber(Self.limits.lowerBound)),
                            "maximum": .number(JSONNumber(Self.limits.upperBound)),
                            "default": .number(JSONNumber(Self.usualLimit)),
                        ])
                ],
                returns: Self.schema,
                errors: [
                    (400, "`COMFYUI_VERSION_SOURCE_INVALID`: the configured repository is none of GitHub."),
                    (422, "Bad query."),
                    (502, "`COMFYUI_VERSION_SYNC_FAILED`: GitHub gave no list of tags."),
                ]), use: run)
    }

    private func run(_ request: Request) async throws -> JSON {
        var form = QueryForm(request.query)
        let limit = form.integer("limit", in: Self.limits) ?? Self.usualLimit
        try form.finish()
        let report = try await sync.run(limit: limit, by: ChangeAuthor(request))
        return [
            "repo_url": .string(report.repositoryURL), "fetched_at": .string(report.fetchedAt.iso8601),
            "total": .number(JSONNumber(report.total)), "created": .number(JSONNumber(report.created)),
            "updated": .number(JSONNumber(report.updated)), "skipped": .number(JSONNumber(report.skipped)),
        ]
    }

    private static let schema: JSON = [
        "type": "object", "required": ["repo_url", "fetched_at", "total", "created", "updated", "skipped"],
        "properties": [
            "repo_url": ["type": "string"], "fetched_at": ["type": "string", "format": "date-time"],
            "total": ["type": "integer"], "created": ["type": "integer"], "updated": ["type": "integer"],
            "skipped": ["type": "integer"],
        ],
    ]
}
