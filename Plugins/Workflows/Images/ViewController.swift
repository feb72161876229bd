import ComfyUI
import PluginAPI

/// `GET /api/view` where no gateway has it: a file as ComfyUI's own `/view` gives it.
struct ViewController: Sendable {
    /// What has the files.
    let finder: ImageFinder

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/api/view",
            docs: OperationDocs(
                "A file, streamed from its server.",
                description: "`Range` and the conditional headers of HTTP are passed on.",
                query: ImageQuery.docs.filter { $0.name != "img_type" },
                returns: FilePassing.schema, answers: FilePassing.answers,
                errors: [
                    (400, "No file name, or one that leaves its folder."),
                    (403, "The prompt is somebody else's, or a key without `jobs:all` names no `prompt_id`."),
                    (404, "Nobody has the file."), (502, "The server cannot be reached."),
                    (503, "No server could be asked."),
                ]),
            use: view)
    }

    private func view(_ request: Request) async throws -> Response {
        func refusal(_ words: String) -> HTTPError { HTTPError(.badRequest, "workflows.bad_view", words) }
        guard let filename = request.query["filename"], !filename.isEmpty else {
            throw refusal("The query parameter filename is required.")
        }
        let file = FileReference(viewing: request.query, filename)
        guard file.staysInFolder, ["output", "input", "temp"].contains(file.type) else {
            throw refusal("The file name leaves its folder, or the type is none of output, input and temp.")
        }
        let promptID = request.query["prompt_id"].flatMap { $0.isEmpty ? nil : $0 }
        return try await finder.find(file, of: promptID, for: request)
    }
}
