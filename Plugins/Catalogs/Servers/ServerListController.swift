import ComfyUI
import PluginAPI

/// `/api/admin/comfyui/servers` and `/queue-summary`: all servers.
struct ServerListController: Sendable {
    /// Knows the servers.
    let directory: ServerDirectory
    /// Reads their queues.
    let queues: QueueReader
    /// What part servers play.
    let marks: ServerMarkStore

    /// The longest time that a summary waits for one server.
    static let patience = Duration.seconds(5)
    /// How many servers are asked at a time.
    static let width = 256

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/servers",
            docs: OperationDocs(
                "The servers that `executorId` may name.",
                description: "Workers of the gateway, executors of the configuration, or the one server of the daemon.",
                returns: ServerSchemas.servers), use: servers)
        routes.get(
            "/queue-summary",
            docs: OperationDocs(
                "How full the queues of all servers are.",
                description:
                    "Asks all active servers at the same time. One that fails within 5 s is there with the code of "
                    + "its error as `message`; only `supported` ones count into the totals.",
                query: [
                    QueryDoc(
                        "executorIds",
                        "Only these; may be repeated, or be a list with commas. Unknown ones are left out.",
                        schema: ["type": "array", "items": ["type": "string"]])
                ], returns: ServerSchemas.queueSummary), use: queueSummary)
    }

    private func servers(_ request: Request) async throws -> JSON {
        let known = try await directory.known()
        let marks = try await marks.all()
        let items = known.servers.sorted { $0.id < $1.id }.map { server -> JSON in
            let mark = marks[server.id]
            return [
                "executorId": .string(server.id), "name": .string(server.name), "baseUrl": .string(server.baseURL),
                "source": .string(server.source.rawValue), "active": .bool(server.isActive),
                "healthy": server.isHealthy.map { .bool($0) } ?? .null,
                "sync_role": .nullable(mark?.role.rawValue), "last_sync_at": .nullable(mark?.lastSyncAt?.iso8601),
            ]
        }
        return ["items": .array(items)]
    }

    private func queueSummary(_ request: Request) async throws -> JSON {
        let time = directory.context.clock.wallClock
        let known = try await directory.known()
        let wanted = QueryForm(request.query).list("executorIds")
        let answers = await known.active(among: wanted).concurrentMap(atOnce: Self.width) { ($0, await look($0)) }
        let running = answers.reduce(0) { $0 + $1.1.running }
        let pending = answers.reduce(0) { $0 + $1.1.pending }
        return [
            "totalRunning": .number(JSONNumber(running)), "totalPending": .number(JSONNumber(pending)),
            "totalCount": .number(JSONNumber(running + pending)), "timestamp": .string(time.iso8601),
            "servers": .array(answers.map { server, status in status.json(server.id, server) }),
        ]
    }

    private func look(_ server: CatalogServer) async -> QueueStatus {
        do {
            return try await Deadline.run(Self.patience, clock: directory.context.clock) {
                try await queues.read(server, withRaw: false)
            }
        } catch {
            directory.context.logger.debug(
                "a server's queue could not be read", ["server.id": server.id, "error": "\(error)"])
            return QueueStatus(unsupported: (error as? HTTPError)?.code ?? "COMFYUI_QUEUE_STATUS_ERROR")
        }
    }
}
