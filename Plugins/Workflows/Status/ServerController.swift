import ComfyUI
import PluginAPI

/// `GET /api/test_comfy`, `GET /api/status` and `GET /api/view_queue`: the servers themselves.
struct ServerController: Sendable {
    /// What reaches the servers.
    let look: TaskLook

    /// How long a server may take for its words about itself.
    static let answerLimit = Duration.seconds(5)

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get("/api/test_comfy", docs: Self.testDocs, use: test)
        routes.get("/api/status", docs: Self.statusDocs, use: status)
        routes.get("/api/view_queue", docs: Self.queueDocs, use: queue)
    }

    private func test(_ request: Request) async throws -> JSON {
        let servers = try await servers()
        let server = try Self.first(of: servers)
        let url = "\(server.url)/system_stats"
        var answer: JSONObject
        do {
            answer = try await systemStats(of: server).objectValue ?? [:]
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            let reason = (error as? ComfyServerError)?.reason
            throw HTTPError(
                .internalServerError, "comfyui.test_failed",
                reason.map { "The ComfyUI server answers, but not as it should: \($0)." }
                    ?? "The ComfyUI server cannot be reached.",
                details: ["status": "error", "comfyui_url": .string(url)], cause: error)
        }
        // For both readings of the seed: the server's answer, and the answer under the name of its path.
        answer["system_stats"] = .object(answer)
        return [
            "status": "success", "comfyui_url": .string(url), "response": .object(answer),
            "servers": .array(
                servers.map { server in
                    .object([
                        "id": .string(server.id), "name": .string(server.name), "url": .string(server.url),
                        "enabled": .bool(server.enabled), "healthy": .bool(server.healthy),
                    ])
                }),
        ]
    }

    private func status(_ request: Request) async throws -> JSON {
        try await systemStats(of: try Self.first(of: try await servers()))
    }

    private func queue(_ request: Request) async throws -> JSON {
        let backend = look.backends.current
        let queue = try await look.limited(TaskLook.resultLimit) { try await backend.queue() }
        if queue.running.isEmpty, queue.pending.isEmpty, !queue.unreachable.isEmpty,
            try await servers().filter(\.enabled).count <= queue.unreachable.count
        {
            throw HTTPError(.badGateway, "comfyui.unreachable", "The ComfyUI server cannot be reached.")
        }
        let caller = JobCaller.limit(of: request.principal)
        let items = { (prompts: [QueuedPrompt]) -> JSON in
            .array(prompts.filter { caller == nil || $0.caller == caller }.map(\.item))
        }
        var body: JSONObject = ["queue_running": items(queue.running), "queue_pending": items(queue.pending)]
        if !queue.unreachable.isEmpty { body["unreachable"] = .array(queue.unreachable.map { .string($0.name) }) }
        return .object(body)
    }

    private func servers() async throws -> [ComfyServer] {
        let backend = look.backends.current
        return try await look.limited(TaskLook.lookLimit) { try await backend.servers() }
    }

    /// The server that is asked: the first enabled one that answered last time, else the first enabled one.
    private static func first(of servers: [ComfyServer]) throws(HTTPError) -> ComfyServer {
        let enabled = servers.filter(\.enabled)
        guard let server = enabled.first(where: \.healthy) ?? enabled.first else {
            throw HTTPError(
                .serviceUnavailable, "comfyui.no_server", "No ComfyUI server is enabled.",
                headers: ["Retry-After": "10"])
        }
        return server
    }

    private func systemStats(of server: ComfyServer) async throws -> JSON {
        let http = try look.backends.current.client(of: server.id)
        return try await look.limited(Self.answerLimit) {
            try await ComfyClient(baseURL: "", timeout: Self.answerLimit, http: http).systemStats()
        }
    }
}

extension ServerController {
    private static let testDocs = OperationDocs(
        "Whether ComfyUI answers.",
        description: """
            Asks the first enabled server that is healthy. `response` has its `/system_stats`, and the same once more under \
            `system_stats`; `servers` has all servers.
            """,
        returns: [
            "type": "object", "required": ["status", "comfyui_url", "response", "servers"],
            "properties": [
                "status": ["const": "success"], "comfyui_url": ["type": "string"], "response": ["type": "object"],
                "servers": ["type": "array", "items": ["type": "object"]],
            ],
        ],
        errors: [(500, "It does not; `status` is `error`, `comfyui_url` tells which."), (503, "No server is enabled.")])

    private static let statusDocs = OperationDocs(
        "`/system_stats` of the first enabled server that is healthy, as it is.", returns: ["type": "object"],
        errors: OperationDocs.readFails)

    private static let queueDocs = OperationDocs(
        "The queues of all servers in the form of ComfyUI's `/queue`.",
        description:
            "What waits in the daemon itself comes last, without its workflow. `unreachable` names silent servers.",
        returns: [
            "type": "object", "required": ["queue_running", "queue_pending"],
            "properties": [
                "queue_running": ["type": "array", "items": ["type": "array"]],
                "queue_pending": ["type": "array", "items": ["type": "array"]],
                "unreachable": ["type": "array", "items": ["type": "string"]],
            ],
            "example": ["queue_running": [], "queue_pending": []],
        ],
        errors: OperationDocs.readFails)
}
