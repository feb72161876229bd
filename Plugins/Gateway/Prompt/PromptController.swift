import ComfyUI
import PluginAPI

/// `POST /api/prompt`.
struct PromptController: Sendable {
    /// What takes the jobs.
    let engine: JobEngine

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.post(
            "/api/prompt",
            docs: OperationDocs(
                "Submits a workflow in API format to the worker with the shortest queue.",
                description: """
                    The answer is the worker's. While all workers are busy, prompts wait in the gateway and are answered at \
                    once. With `priority` the prompt is always queued, and the answer is `gateway_job_id` and `status`. \
                    Keys of ComfyUI beside `prompt` (`extra_data`, `front`, `number`, `partial_execution_targets`) are \
                    passed on. A `prompt_id` of the caller's makes a repeated submission safe: the same body is answered \
                    with the first job. Refusals have ComfyUI's `error` and `node_errors` too.
                    """,
                body: [
                    "type": "object", "required": ["prompt"],
                    "properties": [
                        "prompt": ["type": "object", "examples": [Self.example]],
                        "client_id": ["type": "string", "description": "at most 1000 bytes"],
                        "prompt_id": ["type": "string", "minLength": 1, "maxLength": 200],
                        "priority": ["type": "integer", "description": "larger is earlier"],
                        "extra_data": ["type": "object"], "front": ["type": "boolean"], "number": ["type": "number"],
                        "partial_execution_targets": ["type": "array", "items": ["type": "string"]],
                    ],
                ],
                returns: [
                    "type": "object",
                    "properties": [
                        "prompt_id": ["type": "string"], "number": ["type": "number"],
                        "node_errors": Schemas.nodeErrors, "gateway_job_id": ["type": "string"],
                        "status": ["type": "string"],
                    ],
                ],
                errors: [
                    (400, "The worker refused the workflow, in ComfyUI's words."),
                    (409, "Another prompt, or another key's, has this prompt_id."),
                    (422, "The body has not the right form."),
                    (503, "No worker can be used, or too many prompts wait."),
                ]),
            use: submit)
    }

    /// A graph that every ComfyUI server can run.
    private static let example: JSON = [
        "1": [
            "class_type": "EmptyImage",
            "inputs": ["width": 512, "height": 512, "batch_size": 1, "color": 3_368_601],
        ],
        "2": ["class_type": "SaveImage", "inputs": ["images": ["1", 0], "filename_prefix": "example"]],
    ]

    private func submit(_ request: Request) async throws -> JSON {
        do {
            let body = try await request.jsonBytes(limit: engine.context.daemon.jsonBodyLimit)
            // What the quick look does not like is read again with care, for the right words.
            var submission = try SubmissionScan(body)?.submission ?? Submission(PromptForm.read(body))
            submission.caller = JobCaller.of(
                request.principal, clientID: submission.givenClientID, address: request.clientAddress)
            let answer = try await engine.submit(submission)
            engine.metrics.submits.increment("accepted")
            if let id = answer.gatewayJobID { return ["gateway_job_id": .string(id), "status": "queued"] }
            return [
                "prompt_id": .string(answer.promptID), "number": answer.number, "node_errors": answer.nodeErrors,
            ]
        } catch {
            engine.metrics.submits.increment(Self.outcome(error))
            throw error
        }
    }

    private static func outcome(_ error: any Error) -> String {
        let status = (error as? HTTPError ?? (error as? any HTTPErrorConvertible)?.httpError)?.status.code ?? 500
        return status < 500 ? "refused" : "failed"
    }
}

/// Reads a body of `POST /api/prompt`.
enum PromptForm {
    /// Reads a body and checks the types of its keys.
    ///
    /// - Throws: ``HTTPError`` 422; ``PromptRefusal`` for what a worker would not survive.
    static func read(_ bytes: [UInt8]) throws -> PromptSubmission {
        let body: JSONObject
        do {
            body = try BodyForm.object(bytes, Submission.parsing)
        } catch {
            try PromptStructure.checkNumbers(of: bytes, maximumDepth: Submission.parsing.maximumDepth)
            throw error
        }
        try PromptStructure.check(clientID: body["client_id"])
        var form = BodyForm(body)
        let prompt = form.requiredObject("prompt")
        let clientID = form.string("client_id")
        let promptID = form.string("prompt_id")
        let priority = form.integer("priority")
        try form.finish()
        var extra = body
        for key in Submission.ownKeys { extra[key] = nil }
        var submission = PromptSubmission(
            prompt: .object(prompt), clientID: clientID.flatMap { $0.isEmpty ? nil : $0 }, promptID: promptID,
            extra: extra)
        submission.priority = priority
        return submission
    }
}
