import PluginAPI

/// `GET /api/v1/queue/status` and `POST /api/v1/queue/clear`.
struct QueueController: Sendable {
    /// What runs the prompts.
    let backends: Backends

    /// The largest body in bytes: it holds one truth value.
    private static let bodyLimit = 1 << 20

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/api/v1/queue/status",
            docs: OperationDocs(
                "What runs and what waits.",
                description: """
                    `timestamp` is the time of the submission in seconds since 1970, or 0. `position` counts from 1 over all that waits. \
                    A key without `jobs:all` finds its own prompts in the lists; the counts are those of all. `unreachable` \
                    names servers that could not be asked.
                    """,
                returns: QueueStatus.schema, errors: [V1Docs.unreachable]),
            use: status)
        routes.post(
            "/api/v1/queue/clear",
            docs: OperationDocs(
                "Removes all workflows that wait; those that run stay.",
                description: """
                    `{"clear": false}` does nothing. `detail` has the result of each server, and of the daemon's own queue. A key \
                    without `jobs:all` removes its own workflows.
                    """,
                body: ["type": "object", "required": ["clear"], "properties": ["clear": ["type": "boolean"]]],
                returns: V1Docs.done, errors: V1Docs.body + [V1Docs.queueFailed]),
            use: clear)
    }

    private func status(_ request: Request) async throws -> JSON {
        let queue = try await backends.current.reachableQueue()
        return QueueStatus(queue, of: JobCaller.limit(of: request.principal)).json
    }

    private func clear(_ request: Request) async throws -> JSON {
        var form = try await BodyForm.v1(request, limit: Self.bodyLimit)
        let isWanted = form.requiredBool("clear")
        try form.finish()
        guard isWanted else { return ["success": false, "message": "Nothing was cleared."] }
        let results: [QueueClearing]
        do {
            results = try await backends.current.clearQueue(
                of: JobCaller.limit(of: request.principal), by: JobCaller.actor(of: request))
        } catch {
            throw WorkflowInterrupter.failure(error)
        }
        var detail: JSONObject = [:]
        for result in results { detail[result.server?.id ?? Self.ownQueue] = .string(result.problem ?? "ok") }
        guard results.allSatisfy({ $0.problem == nil }) else {
            throw HTTPError(
                .badGateway, .queueOperation, "The queue of a server could not be cleared.", details: .object(detail))
        }
        return ["success": true, "message": "The queue is cleared.", "detail": .object(detail)]
    }

    /// What stands for the daemon's own queue among the servers.
    private static let ownQueue = "daemon"
}

extension ComfyBackend {
    /// The queues of all servers.
    ///
    /// - Throws: ``HTTPError`` 503 when there are servers and none could be asked.
    func reachableQueue() async throws -> PromptQueue {
        let queue = try await queue()
        let asked = try await servers().filter(\.enabled)
        guard queue.unreachable.isEmpty || queue.unreachable.count < asked.count else {
            throw HTTPError(.serviceUnavailable, .connection, "No ComfyUI server can be reached.")
        }
        return queue
    }
}
