import PluginAPI

/// `GET /api/task/{id}/events`.
struct TaskEventsController: Sendable {
    /// What knows the jobs.
    let engine: JobEngine

    /// The time between two comments.
    private static let heartbeat = Duration.seconds(15)

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/api/task/{id}/events", String.self,
            docs: OperationDocs(
                "What happens to a prompt, as server-sent events.",
                description: """
                    Events `state` have the status answer, first as it is now, last when the prompt has ended; then the \
                    stream ends. Between them come ComfyUI's messages under their own names, such as `executing` and \
                    `progress`; previews are left out. A comment comes every 15 seconds. Of a client that is slower than \
                    its events the oldest are dropped.
                    """,
                returns: ["type": "string", "contentMediaType": "text/event-stream"],
                errors: [OperationDocs.notYours, (404, "The prompt was never seen.")]),
            use: events)
    }

    private func events(_ request: Request, _ id: String) async throws -> Response {
        let promptID = try await engine.find(id, for: request).job.promptID
        let stream = TaskEventStream(
            engine: engine, promptID: promptID, base: engine.context.daemon.baseURL(for: request),
            lastID: request.headers["last-event-id"].flatMap { Int($0) } ?? 0)
        return .events(keepAlive: Self.heartbeat, clock: engine.context.clock) { writer in
            var stream = stream
            try await stream.run(writer)
        }
    }
}
