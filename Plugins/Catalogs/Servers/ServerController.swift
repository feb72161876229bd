import ComfyUI
import PluginAPI

/// `/api/admin/comfyui/models`, `/system-stats`, `/queue-status`: what one server says of itself.
struct ServerController: Sendable {
    /// Knows the servers.
    let directory: ServerDirectory
    /// Knows what they have.
    let inventories: InventoryCache
    /// Reads their queues.
    let queues: QueueReader

    /// The longest time for the whole answer of `/system_stats`.
    static let statsTimeout = Duration.seconds(15)
    /// The largest answer of `/system_stats` that is read, in bytes.
    static let statsLimit = 1 << 20

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/models",
            docs: OperationDocs(
                "The model files and nodes of a server.",
                description: "Read from the server's `/object_info`, and remembered for `object_info_ttl`.",
                query: [
                    ServerSchemas.executorID,
                    QueryDoc("includeNodes", "Adds the node classes.", schema: ["type": "boolean", "default": false]),
                    ServerSchemas.refresh,
                ], returns: ServerSchemas.models,
                errors: ServerSchemas.errors(
                    "`COMFYUI_OBJECT_INFO_ERROR`: the server cannot be asked; `COMFYUI_OBJECT_INFO_INVALID`: its "
                        + "answer is no JSON object.")), use: models)
        routes.get(
            "/system-stats",
            docs: OperationDocs(
                "Versions, devices and memory of a server, as its `/system_stats` tells.",
                query: [ServerSchemas.executorID], returns: ServerSchemas.systemStats,
                errors: ServerSchemas.errors(
                    "`COMFYUI_SYSTEM_STATS_ERROR`: the server cannot be asked, or its answer is no JSON object.")),
            use: systemStats)
        routes.get(
            "/queue-status",
            docs: OperationDocs(
                "How full the queue of a server is.",
                description: "Asks for `/queue/status` and, where the server has none, for `/api/queue` and `/queue`.",
                query: [
                    ServerSchemas.executorID,
                    QueryDoc(
                        "raw", "Whether the server's own answer is added, with all workflows.",
                        schema: ["type": "boolean", "default": true]),
                ], returns: ServerSchemas.queueStatus,
                errors: ServerSchemas.errors(
                    "`COMFYUI_QUEUE_STATUS_ERROR`: the server cannot be asked; `COMFYUI_QUEUE_STATUS_INVALID`: its "
                        + "answer is no JSON object.")), use: queueStatus)
    }

    private func models(_ request: Request) async throws -> JSON {
        var form = QueryForm(request.query)
        let executorID = form.required("executorId")
        let includeNodes = form.flag("includeNodes") ?? false
        let refresh = form.flag("refresh") ?? false
        try form.finish()
        let server = try await directory.server(executorID)
        let inventory = try await inventories.inventory(of: server, refresh: refresh)
        let models = ModelKind.all.map { kind in
            (kind.name, JSON.array((inventory.models[kind.name] ?? []).map { .string($0) }))
        }
        return [
            "executorId": .string(executorID), "baseUrl": .string(server.baseURL),
            "models": .object(JSONObject(models)),
            "nodeKeys": includeNodes ? .array(inventory.nodeKeys.map { .string($0) }) : .null,
            "nodeCount": includeNodes ? .number(JSONNumber(inventory.nodeKeys.count)) : .null,
        ]
    }

    private func systemStats(_ request: Request) async throws -> JSON {
        var form = QueryForm(request.query)
        let executorID = form.required("executorId")
        try form.finish()
        let server = try await directory.server(executorID)
        let raw = try await stats(server)
        return [
            "executorId": .string(executorID), "baseUrl": .string(server.baseURL),
            "system": raw["system"]?.objectValue.map { .object($0) } ?? .null,
            "devices": raw["devices"]?.arrayValue.map { .array($0) } ?? .null, "raw": .object(raw),
        ]
    }

    private func stats(_ server: CatalogServer) async throws -> JSONObject {
        do {
            let bytes = try await Deadline.run(Self.statsTimeout, clock: directory.context.clock) {
                try await server.client.with(timeout: Self.statsTimeout).bytes("/system_stats", limit: Self.statsLimit)
            }
            let options = JSONParseOptions(allowsNonFiniteNumbers: true)
            guard let stats = try JSON(parsing: bytes, options: options).standard.objectValue else {
                throw ComfyServerError(problem: "it is no object")
            }
            return stats
        } catch {
            throw HTTPError(
                .badGateway, "COMFYUI_SYSTEM_STATS_ERROR",
                "The server's /system_stats cannot be read: \(ServerFailure.words(error)).", cause: error)
        }
    }

    private func queueStatus(_ request: Request) async throws -> Response {
        var form = QueryForm(request.query)
        let executorID = form.required("executorId")
        let withRaw = form.flag("raw") ?? true
        try form.finish()
        let server = try await directory.server(executorID)
        let status = try await queues.read(server, withRaw: withRaw)
        // The workflows of a long queue are megabytes of text.
        return try await directory.context.blocking.run {
            Response(
                headers: ["Content-Type": "application/json; charset=utf-8"],
                body: .bytes(status.text(executorID, server)))
        }
    }
}
