import PluginAPI

/// `POST /api/v1/workflows/submit`.
struct SubmitController: Sendable {
    /// What takes the workflows.
    let submitter: WorkflowSubmitter
    /// The limit of a body in bytes.
    let bodyLimit: Int

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.post(
            "/api/v1/workflows/submit",
            docs: OperationDocs(
                "Submits a workflow in API format.",
                description: """
                    `number` is ComfyUI's. Outputs that the server dropped because they do not validate are in \
                    `node_errors`; the others run. Messages about the prompt go to the WebSocket of the same `client_id`.
                    """,
                body: [
                    "type": "object", "required": ["workflow"],
                    "properties": [
                        "workflow": [
                            "type": "object", "minProperties": 1,
                            "additionalProperties": [
                                "type": "object", "required": ["class_type", "inputs"],
                                "properties": ["class_type": ["type": "string"], "inputs": ["type": "object"]],
                            ],
                        ],
                        "client_id": [
                            "type": ["string", "null"], "description": "The WebSocket id; at most 1000 bytes.",
                        ],
                    ],
                ],
                returns: [
                    "type": "object", "required": ["prompt_id", "number", "client_id"],
                    "properties": [
                        "prompt_id": ["type": "string"], "number": ["type": "number"],
                        "client_id": ["type": ["string", "null"]], "node_errors": ["type": "object"],
                    ],
                ],
                errors: V1Docs.body + [
                    (
                        400,
                        "`WORKFLOW_VALIDATION_ERROR`: the workflow is wrong; of a server's refusal `detail` has its `error` and `node_errors`."
                    ),
                    V1Docs.unreachable,
                ]),
            use: submit)
    }

    private func submit(_ request: Request) async throws -> JSON {
        var form = try await BodyForm.v1(request, limit: bodyLimit)
        let workflow = form.required("workflow")
        let clientID = form.string("client_id")
        if let clientID, clientID.utf8.count > WorkflowSubmitter.longestClientID {
            form.reject("client_id", "Input should have at most \(WorkflowSubmitter.longestClientID) bytes")
        }
        try form.finish()
        let answer = try await submitter.submit(
            workflow, from: WorkflowSubmitter.Sender(request, clientID: clientID))
        return [
            "prompt_id": .string(answer.promptID), "number": answer.number,
            "client_id": clientID.map { .string($0) } ?? .null, "node_errors": answer.nodeErrors,
        ]
    }
}
