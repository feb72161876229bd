import ComfyUI
import PluginAPI

/// `GET /api/task_status/{prompt_id}`.
struct TaskStatusController: Sendable {
    /// What knows the prompts.
    let look: TaskLook
    /// Where links lead.
    let imageURLs: ImageURLStyle
    let context: PluginContext

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.get("/api/task_status/{prompt_id}", String.self, docs: Self.docs, use: status)
    }

    private func status(_ request: Request, _ promptID: String) async throws -> JSON {
        do {
            return .object(try await answer(request, promptID))
        } catch is CancellationError {
            throw CancellationError()
        } catch is ComfyServerError {
            // The server answers, but not about this.
            return .object(Self.body(.unknown))
        } catch {
            throw Self.failed(error)
        }
    }

    private func answer(_ request: Request, _ promptID: String) async throws -> JSONObject {
        let job = try await look.job(promptID, for: request)
        let word = TaskWord(job)
        var body = Self.body(word)
        guard let job else { return body }
        var answer = TaskAnswer(job: job)
        switch word {
        case .pending:
            // One that is just being handed over is nowhere for a moment.
            body["queue_position"] = .number(JSONNumber(max(1, job.position ?? 1)))
            return body
        case .running:
            body["execution_info"] = answer.executionInfo(await look.queueItem(job.promptID))
            return body
        case .unknown, .notFound:
            return body
        case .completed, .processing, .error:
            if job.state.isFinal { answer.history = try await look.history(promptID) }
        }
        if word == .error {
            body["message"] = .string(answer.reason)
            body["error"] = .string(answer.reason)
        }
        if job.state.isFinal {
            let links = FileLinks(base: context.daemon.baseURL(for: request), style: imageURLs)
            for (key, value) in answer.files(job.promptID, links: links) { body[key] = value }
        }
        body["execution_time"] = answer.executionTime(now: context.clock.wallClock)
        body["node_errors"] = job.nodeErrors ?? [:]
        return body
    }

    private static func body(_ word: TaskWord) -> JSONObject {
        ["status": .string(word.rawValue), "message": .string(word.message)]
    }

    /// The check itself failed: 500 with `status` `error`; what a caller may not do stays as it is.
    private static func failed(_ error: any Error) -> any Error {
        let known = error as? HTTPError ?? (error as? any HTTPErrorConvertible)?.httpError
        if let known, known.status.code < 500 { return known }
        let words = known?.message ?? "The ComfyUI server cannot be reached."
        guard known != nil || error is HTTPClientError else { return error }
        return HTTPError(
            .internalServerError, "task.check_failed", words,
            details: ["status": .string(TaskWord.error.rawValue), "message": .string(words)], cause: error)
    }

    private static let docs = OperationDocs(
        "The state of a prompt.",
        description: """
            `pending` has `queue_position`, `running` has `execution_info`, `completed` has the files of all nodes with a \
            `url` each, `processing` has ended and its result is on the way, `error` has the reason, `unknown` has a server \
            that does not answer, `not_found` was never seen. `execution_time` is in seconds.
            """,
        returns: [
            "type": "object", "required": ["status", "message"],
            "properties": [
                "status": ["enum": .array(TaskWord.allCases.map { .string($0.rawValue) })],
                "message": ["type": "string"], "queue_position": ["type": "integer", "minimum": 1],
                "execution_info": ["type": "object"], "images": OperationDocs.fileList,
                "videos": OperationDocs.fileList, "audio": OperationDocs.fileList,
                "execution_time": ["type": "number", "minimum": 0], "node_errors": ["type": "object"],
                "error": ["type": "string"],
            ],
            "examples": [
                ["status": "pending", "message": "Task is waiting in queue", "queue_position": 1],
                [
                    "status": "completed", "message": "Image generation completed",
                    "images": [OperationDocs.exampleFile], "execution_time": 10.5, "node_errors": [:],
                ],
            ],
        ],
        errors: [OperationDocs.othersPrompt, (500, "The check failed; `status` is `error`.")])
}

extension OperationDocs {
    /// Of routes about one prompt.
    static let othersPrompt = (status: 403, reason: "The prompt belongs to somebody else.")
    /// The schema of a list of files.
    static let fileList: JSON = [
        "type": "array",
        "items": [
            "type": "object", "required": ["url", "filename", "subfolder", "type"],
            "properties": [
                "url": ["type": "string"], "filename": ["type": "string"], "subfolder": ["type": "string"],
                "type": ["type": "string"], "comfyui_url": ["type": "string"],
            ],
        ],
    ]
    /// A file of an answer.
    static let exampleFile: JSON = [
        "url":
            "http://127.0.0.1:8000/api/view?prompt_id=c74f73fc-fb01-4b3c-81a5-cab506c43e27&filename=a_00001_.png&subfolder=&type=output",
        "filename": "a_00001_.png", "subfolder": "", "type": "output",
    ]
}
