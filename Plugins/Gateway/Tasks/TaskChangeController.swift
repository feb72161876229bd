import PluginAPI

/// Changes of a job: `DELETE` and `PATCH /api/task/{id}`.
struct TaskChangeController: Sendable {
    /// What knows the jobs.
    let engine: JobEngine

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.delete(
            "/api/task/{id}", String.self,
            docs: OperationDocs(
                "Cancels a prompt: takes it out of the queue, or interrupts it.",
                description: """
                    A prompt whose worker does not answer ends at once; the worker is told when it is back. One that runs \
                    ends when its worker has stopped it.
                    """,
                returns: Schemas.object(["prompt_id": ["type": "string"], "status": ["type": "string"]]),
                errors: [
                    OperationDocs.notYours,
                    (404, "The prompt was never seen."), (409, "It has ended; its `state` is in the answer."),
                    (503, "Its worker cannot be told now."),
                ]),
            use: cancel)
        routes.patch(
            "/api/task/{id}", String.self,
            docs: OperationDocs(
                "Moves a prompt that waits in the gateway.",
                description: """
                    `position` is the place among the waiting prompts of the same caller and priority, from 1. The answer is \
                    the record.
                    """,
                body: [
                    "type": "object",
                    "properties": [
                        "priority": ["type": ["integer", "null"], "description": "larger is earlier"],
                        "position": ["type": ["integer", "null"], "minimum": 1],
                    ],
                ],
                returns: Schemas.task,
                errors: [
                    OperationDocs.notYours,
                    (404, "The prompt was never seen."), (409, "It does not wait in the gateway's queue."),
                    (422, "The body has not the right form."),
                ]),
            use: move)
    }

    private func cancel(_ request: Request, _ id: String) async throws -> JSON {
        let job = try await engine.find(id, for: request).job
        guard try await engine.cancel(job.promptID, by: JobCaller.actor(of: request)) else {
            let state = try await engine.find(job.promptID)?.job.state ?? job.state
            throw HTTPError(
                .conflict, "gateway.job_ended", "The prompt has already ended: \(state.rawValue).",
                details: ["prompt_id": .string(job.promptID), "state": .string(state.rawValue)])
        }
        return ["prompt_id": .string(job.promptID), "status": "cancelled"]
    }

    private func move(_ request: Request, _ id: String) async throws -> JSON {
        let body = try await BodyForm.object(request, limit: engine.context.daemon.jsonBodyLimit)
        var form = BodyForm(body)
        let priority = form.integer("priority")
        let position = form.integer("position")
        if let position, position < 1 { form.reject("position", "Input should be greater than or equal to 1") }
        if body["priority"] ?? .null == .null, body["position"] ?? .null == .null {
            form.reject("priority", "Give a priority, a position or both")
        }
        try form.finish()
        let job = try await engine.find(id, for: request).job
        try await engine.reorder(
            job.promptID, priority: priority, position: position, by: JobCaller.actor(of: request))
        guard let live = try await engine.find(job.promptID) else { throw HTTPError.unknownPrompt }
        return TaskRecord(engine: engine).json(live)
    }
}
