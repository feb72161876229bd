import ComfyUI
import PluginAPI

/// `GET /api/v1/images/download` and `/url`.
struct ImageController: Sendable {
    /// What has the files.
    let finder: ImageFinder
    /// Settings of the whole daemon.
    let daemon: DaemonSettings
    /// Where the `url` of a file leads.
    let imageURLs: ImageURLStyle

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/api/v1/images/download",
            docs: OperationDocs(
                "An image as a download.",
                description: """
                    Comes from the server that has it; `Range` and the conditional headers of HTTP are passed on. Without `prompt_id` \
                    one server after the other is asked; input files are kept here, too.
                    """,
                query: ImageQuery.docs,
                returns: FilePassing.schema, answers: FilePassing.answers,
                errors: [
                    (403, "The prompt is somebody else's, or a key without `jobs:all` names no `prompt_id`."),
                    (404, "`IMAGE_NOT_FOUND`: nobody has the file."), (422, "The query has not the right form."),
                    V1Docs.unreachable,
                ]),
            use: download)
        routes.get(
            "/api/v1/images/url",
            docs: OperationDocs(
                "The address of an image; whether it is there is not looked at.",
                description: """
                    `url` leads to `/api/view`, or to `/api/v1/images/download` while neither the prompt nor the only server that may \
                    have the file is known.
                    """,
                query: ImageQuery.docs,
                returns: [
                    "type": "object", "required": ["url", "filename"],
                    "properties": [
                        "url": ["type": "string"], "filename": ["type": "string"], "subfolder": ["type": "string"],
                        "type": ["type": "string"], "comfyui_url": ["type": "string"],
                    ],
                ],
                errors: [(422, "The query has not the right form."), V1Docs.unreachable]),
            use: url)
    }

    private func download(_ request: Request) async throws -> Response {
        let query = try ImageQuery(request.query)
        var response = try await finder.find(query.file, of: query.promptID, for: request)
        if response.status.isSuccess {
            response.headers["Content-Disposition"] = FilePassing.attachment(query.file.filename)
        }
        return response
    }

    private func url(_ request: Request) async throws -> JSON {
        let query = try ImageQuery(request.query)
        let links = FileLinks(base: daemon.baseURL(for: request), style: imageURLs)
        return .object(
            links.json(query.file, promptID: query.promptID, server: try await server(of: query, request.principal)))
    }

    /// The server that has the file for certain, if the caller may know.
    private func server(of query: ImageQuery, _ principal: Principal?) async throws -> ComfyServer? {
        let backend = finder.backends.current
        guard let promptID = query.promptID else {
            let servers = try await backend.servers()
            return servers.count == 1 ? servers.first : nil
        }
        guard let job = try await backend.job(promptID), (try? JobCaller.check(job.caller, principal)) != nil else {
            return nil
        }
        return try await backend.owner(of: promptID)
    }
}

/// The query of the routes for files of seed 004.
struct ImageQuery: Sendable {
    /// The file.
    let file: FileReference
    /// The prompt that made it.
    let promptID: String?

    private static let types = ["output", "input", "temp"]

    /// Reads a query; `type` counts more than `img_type`.
    ///
    /// - Throws: ``HTTPError`` 422.
    init(_ query: QueryItems) throws {
        func refusal(_ name: String, _ words: String) -> HTTPError {
            HTTPError.invalid([(["query", .string(name)], words)])
        }
        guard let filename = query["filename"] else { throw refusal("filename", "Field required") }
        guard !filename.isEmpty else { throw refusal("filename", "String should have at least 1 character") }
        var file = FileReference(viewing: query, filename)
        let name = query.contains("type") ? "type" : "img_type"
        if let type = query[name], !type.isEmpty { file.type = type }
        guard Self.types.contains(file.type) else { throw refusal(name, "Input should be 'output', 'input' or 'temp'") }
        guard file.staysInFolder else { throw refusal("filename", "The file name leaves its folder") }
        self.file = file
        promptID = query["prompt_id"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The query for the document of the API.
    static let docs: [QueryDoc] = {
        let type: JSON = ["enum": .array(types.map { .string($0) }), "default": "output"]
        return [
            QueryDoc("filename", "The file's name.", required: true, schema: ["type": "string", "minLength": 1]),
            QueryDoc("subfolder", "The folder below the root of the type."),
            QueryDoc("type", "Where the file is.", schema: type),
            QueryDoc("img_type", "The same under its old name; `type` counts more.", schema: type),
            QueryDoc("prompt_id", "The prompt that made the file."),
            QueryDoc("preview", "Re-encode as `webp` or `jpeg`, with `;quality`."),
            QueryDoc("channel", "`rgb`, `a` or `rgba`."),
        ]
    }()
}

extension QueryItems {
    fileprivate func contains(_ name: String) -> Bool { self[name].map { !$0.isEmpty } ?? false }
}
