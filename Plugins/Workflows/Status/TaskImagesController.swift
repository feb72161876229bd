import ComfyUI
import PluginAPI

/// `GET /api/image/{prompt_id}`: the files that a prompt made.
struct TaskImagesController: Sendable {
    /// What knows the prompts.
    let look: TaskLook
    /// Where links lead.
    let imageURLs: ImageURLStyle
    let context: PluginContext

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.get("/api/image/{prompt_id}", String.self, docs: Self.docs, use: images)
    }

    private func images(_ request: Request, _ promptID: String) async throws -> JSON {
        guard let job = try await look.job(promptID, for: request) else {
            throw HTTPError(.notFound, "task.unknown", "There is no prompt \(promptID).")
        }
        guard job.state.isFinal else {
            return [
                "status": .string(TaskWord.processing.rawValue), "message": .string(TaskWord(job).message),
                "queue_remaining": .number(JSONNumber(await look.backends.current.remaining())), "images": [],
            ]
        }
        let answer = TaskAnswer(job: job, history: try await look.history(promptID))
        guard job.state == .done else { throw HTTPError(.notFound, "task.failed", answer.reason) }
        let links = FileLinks(base: context.daemon.baseURL(for: request), style: imageURLs)
        let files = answer.files(job.promptID, links: links)
        guard files.values.contains(where: { !($0.arrayValue ?? []).isEmpty }) else {
            throw HTTPError(.notFound, "task.no_files", "The prompt made no files.")
        }
        return .object(["status": "success"] + files)
    }

    private static let docs = OperationDocs(
        "The files that a prompt made.",
        description: "`status` is `success`, or `processing` and `images` is empty while the prompt has not ended.",
        returns: [
            "type": "object", "required": ["status", "images"],
            "properties": [
                "status": ["enum": ["success", "processing"]], "images": OperationDocs.fileList,
                "videos": OperationDocs.fileList, "audio": OperationDocs.fileList, "message": ["type": "string"],
                "queue_remaining": ["type": "integer"],
            ],
            "example": ["status": "success", "images": [OperationDocs.exampleFile]],
        ],
        errors: [
            OperationDocs.othersPrompt, (404, "The prompt was never seen, failed, or made no files."),
        ] + OperationDocs.readFails)
}

extension JSONObject {
    /// The members of both; of equal keys the right one's value.
    fileprivate static func + (lhs: JSONObject, rhs: JSONObject) -> JSONObject {
        var sum = lhs
        for (key, value) in rhs { sum[key] = value }
        return sum
    }
}

extension OperationDocs {
    /// Of routes that ask servers.
    static let readFails: [(status: Int, reason: String)] = [
        (502, "The ComfyUI server cannot be reached, or answered nonsense."), (503, "No server can be used."),
    ]
}
