import PluginAPI

/// `POST /api/v1/workflows/interrupt`.
struct InterruptController: Sendable {
    /// What interrupts.
    let interrupter: WorkflowInterrupter

    /// The largest body in bytes: it holds one id.
    private static let bodyLimit = 1 << 20

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.post(
            "/api/v1/workflows/interrupt",
            docs: OperationDocs(
                "Interrupts a workflow, or all that run.",
                description: """
                    With `prompt_id`: one that runs is interrupted on its server, one that waits leaves its queue. Without \
                    a body, or without an id: all that run and that the caller may touch; `detail.unreachable` names servers \
                    that could not be asked.
                    """,
                body: [
                    "type": ["object", "null"], "properties": ["prompt_id": ["type": ["string", "null"]]],
                ],
                returns: V1Docs.done,
                errors: V1Docs.body + [
                    (404, "`WORKFLOW_NOT_FOUND`: the workflow is unknown, or has ended."), V1Docs.notYours,
                    V1Docs.queueFailed, V1Docs.unreachable,
                ]),
            use: interrupt)
    }

    private func interrupt(_ request: Request) async throws -> JSON {
        var form = try await BodyForm.v1(request, limit: Self.bodyLimit, mayBeAbsent: true)
        let promptID = form.string("prompt_id")
        try form.finish()
        let actor = JobCaller.actor(of: request)
        // An empty id counts as none, as it does for the services that this one imitates.
        guard let promptID, !promptID.isEmpty else {
            let outcome = try await interrupter.interruptAll(for: request.principal, by: actor)
            let isNone = outcome.interrupted.isEmpty
            var detail: JSONObject = ["interrupted": .array(outcome.interrupted.map { .string($0) })]
            if !outcome.unreachable.isEmpty { detail["unreachable"] = .array(outcome.unreachable.map { .string($0) }) }
            return [
                "success": true,
                "message": .string(isNone ? "No workflow runs." : "The running workflows are interrupted."),
                "detail": .object(detail),
            ]
        }
        try await interrupter.interrupt(promptID, for: request.principal, by: actor)
        return [
            "success": true, "message": "The workflow is interrupted.",
            "detail": ["interrupted": [.string(promptID)]],
        ]
    }
}
