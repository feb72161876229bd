import PluginAPI

/// `GET /api/v1/workflows/{prompt_id}/history` and `/images`.
struct ResultController: Sendable {
    /// What knows the prompts.
    let reader: WorkflowReader
    /// Settings of the whole daemon.
    let daemon: DaemonSettings
    /// Where the `url` of a file leads.
    let imageURLs: ImageURLStyle

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        let errors = [
            (404, "`WORKFLOW_NOT_FOUND`: the workflow is unknown, or has not ended yet."), V1Docs.notYours,
            V1Docs.unreachable,
        ]
        routes.get(
            "/api/v1/workflows/{prompt_id}/history", String.self,
            docs: OperationDocs(
                "The result of a workflow.",
                description: "`error` is there unless the workflow was completed.",
                returns: [
                    "type": "object", "required": ["prompt_id", "outputs", "status"],
                    "properties": [
                        "prompt_id": ["type": "string"], "outputs": ["type": "object"],
                        "status": ["enum": ["completed", "failed", "interrupted"]], "error": ["type": "string"],
                    ],
                ], errors: errors),
            use: history)
        routes.get(
            "/api/v1/workflows/{prompt_id}/images", String.self,
            docs: OperationDocs(
                "The images that a workflow made.",
                description: "404 `IMAGE_NOT_FOUND` when the workflow has ended without images.",
                returns: [
                    "type": "object", "required": ["prompt_id", "count", "images"],
                    "properties": [
                        "prompt_id": ["type": "string"], "count": ["type": "integer"],
                        "images": ["type": "array", "items": Self.image],
                    ],
                ], errors: errors),
            use: images)
    }

    private static let image: JSON = [
        "type": "object", "required": ["filename", "subfolder", "type", "url", "node_id"],
        "properties": [
            "filename": ["type": "string"], "subfolder": ["type": "string"], "type": ["type": "string"],
            "url": ["type": "string"], "comfyui_url": ["type": "string"], "node_id": ["type": "string"],
        ],
    ]

    private func history(_ request: Request, _ promptID: String) async throws -> JSON {
        let ended = try await reader.ended(promptID, for: request.principal)
        let result = WorkflowResult(ended.job, entry: ended.entry)
        var answer: JSONObject = [
            "prompt_id": .string(promptID), "outputs": result.outputs, "status": .string(result.status.rawValue),
        ]
        if let error = result.error { answer["error"] = .string(error) }
        return .object(answer)
    }

    private func images(_ request: Request, _ promptID: String) async throws -> JSON {
        let ended = try await reader.ended(promptID, for: request.principal)
        let links = FileLinks(base: daemon.baseURL(for: request), style: imageURLs)
        let files = OutputFile.list(of: ended.entry ?? .null).filter { $0.kind == "images" }
        guard !files.isEmpty else {
            throw HTTPError(.notFound, .imageNotFound, "The workflow has ended without images.")
        }
        let images = files.map { file -> JSON in
            var image = links.json(file.reference, promptID: promptID, server: ended.job.server)
            image["node_id"] = .string(file.nodeID)
            return .object(image)
        }
        return [
            "prompt_id": .string(promptID), "count": .number(JSONNumber(images.count)), "images": .array(images),
        ]
    }
}
