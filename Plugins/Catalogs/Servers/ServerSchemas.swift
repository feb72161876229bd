import PluginAPI

/// JSON schemas of what is answered about servers, for `/openapi.json`.
enum ServerSchemas {
    /// The parameter that names a server.
    static let executorID = QueryDoc(
        "executorId", "The server: another id for a worker, a worker's id or name, an executor, or `default`.",
        required: true, schema: ["type": "string", "minLength": 1])
    /// The parameter that has a server asked anew.
    static let refresh = QueryDoc(
        "refresh", "Asks the server, whatever is remembered of it.", schema: ["type": "boolean", "default": false])

    /// What may go wrong with one server.
    static func errors(_ failure: String) -> [(status: Int, reason: String)] {
        [
            (
                400,
                "`EXECUTOR_TYPE_NOT_COMFYUI`: it is of another kind; `COMFYUI_BASE_URL_MISSING`: it has no address."
            ), (404, "`EXECUTOR_NOT_FOUND`: there is no such executor."), (422, "Bad query."), (502, failure),
        ]
    }

    /// The answer of `/models`.
    static let models = object([
        "executorId": text, "baseUrl": text,
        "models": object(JSONObject(ModelKind.all.map { ($0.name, list(text)) })),
        "nodeKeys": ["type": ["array", "null"], "items": text], "nodeCount": ["type": ["integer", "null"]],
    ])
    /// The answer of `/system-stats`.
    static let systemStats = object([
        "executorId": text, "baseUrl": text, "system": ["type": ["object", "null"]],
        "devices": ["type": ["array", "null"]], "raw": ["type": "object"],
    ])
    /// The answer of `/queue-status`.
    static let queueStatus = object([
        "executorId": text, "baseUrl": text, "runningCount": count, "pendingCount": count,
        "queueMaxSize": ["type": ["integer", "null"]], "supported": ["type": "boolean"], "message": textOrNull,
        "raw": ["type": ["object", "null"]],
    ])
    /// The answer of `/queue-summary`.
    static let queueSummary = object([
        "totalRunning": count, "totalPending": count, "totalCount": count, "timestamp": moment(["string"]),
        "servers": list(queueStatus),
    ])
    /// The answer of `/servers`.
    static let servers = object([
        "items": list(
            object([
                "executorId": text, "name": text, "baseUrl": text,
                "source": [
                    "type": "string", "enum": .array(CatalogServer.Source.allCases.map { .string($0.rawValue) }),
                ],
                "active": ["type": "boolean"], "healthy": ["type": ["boolean", "null"]], "sync_role": textOrNull,
                "last_sync_at": moment(["string", "null"]),
            ]))
    ])

    private static let text: JSON = ["type": "string"]
    private static let textOrNull: JSON = ["type": ["string", "null"]]
    private static let count: JSON = ["type": "integer", "minimum": 0]

    private static func moment(_ types: JSON) -> JSON { ["type": types, "format": "date-time"] }

    private static func list(_ items: JSON) -> JSON { ["type": "array", "items": items] }

    private static func object(_ properties: JSONObject) -> JSON {
        ["type": "object", "required": .array(properties.keys.map { .string($0) }), "properties": .object(properties)]
    }
}
