import PluginAPI

/// JSON schemas of what the agents' surfaces take and answer, for `/openapi.json`.
enum AgentSchemas {
    private static let text: JSON = ["type": "string"]
    private static let textOrNull: JSON = ["type": ["string", "null"]]
    private static let wholeOrNull: JSON = ["type": ["integer", "null"]]
    private static let numberOrNull: JSON = ["type": ["number", "null"]]
    private static let object: JSON = ["type": "object"]
    private static let objectOrNull: JSON = ["type": ["object", "null"]]
    private static let moment: JSON = ["type": "string", "format": "date-time"]
    private static let momentOrNull: JSON = ["type": ["string", "null"], "format": "date-time"]

    /// 404 for an agent.
    static let noAgent = (status: 404, reason: "`AGENT_NOT_FOUND`")
    /// 404 for a task.
    static let noTask = (status: 404, reason: "`AGENT_TASK_NOT_FOUND`")
    /// What a route with a body may answer.
    static let badBody: [(status: Int, reason: String)] = [
        (413, "The body is too large."), (415, "The body cannot be JSON."), (422, "The body has not the right form."),
    ]
    /// What any route of the agent's side may answer.
    static let agentSide = agentSide()

    /// What a route of the agent's side may answer, with codes of its own.
    static func agentSide(
        forbidden: [String] = [], missing: [String] = []
    ) -> [(status: Int, reason: String)] {
        let refusals = [
            "AGENT_TOKEN_SCOPE_INVALID", "AGENT_TOKEN_PAYLOAD_MISMATCH", "AGENT_NOT_ALLOWED", "AGENT_TASK_FORBIDDEN",
        ]
        let names = { (codes: [String]) in codes.map { "`\($0)`" }.joined(separator: ", ") }
        return [
            (
                401,
                "`AGENT_TOKEN_REQUIRED`, `_INVALID`, `_EXPIRED`, `_KID_REQUIRED`, `_KID_INVALID`, `_PAYLOAD_INVALID`"
            ),
            (403, names(refusals + forbidden)), (404, names(["AGENT_NOT_FOUND", "AGENT_TASK_NOT_FOUND"] + missing)),
            (429, "`AGENT_RATE_LIMITED`"),
        ]
    }

    /// The answer to a deletion.
    static let deleted = allOf(["status": ["type": "string", "enum": ["deleted"]]])

    /// An object whose properties are all there.
    static func allOf(_ properties: JSONObject) -> JSON {
        [
            "type": "object", "required": .array(properties.keys.map { .string($0) }),
            "properties": .object(properties),
        ]
    }

    /// A list.
    static func list(_ items: JSON) -> JSON { ["type": "array", "items": items] }

    /// An agent.
    static let agent = allOf([
        "id": text, "name": textOrNull, "role": textOrNull, "host": textOrNull, "baseUrl": textOrNull, "status": text,
        "allowed": ["type": "boolean"], "config": objectOrNull, "metrics": objectOrNull, "last_seen_at": momentOrNull,
        "last_heartbeat_at": momentOrNull, "last_manifest_version": textOrNull, "created_at": moment,
        "updated_at": moment, "online": ["type": "boolean"],
    ])

    /// The body of a new agent or of a change.
    static func agentForm(isNew: Bool) -> JSON {
        var properties: JSONObject = [
            "name": ["type": ["string", "null"], "maxLength": 128],
            "role": ["type": ["string", "null"], "maxLength": 64],
            "host": ["type": ["string", "null"], "maxLength": 128],
            "baseUrl": ["type": ["string", "null"], "maxLength": 1024], "status": ["type": "string", "maxLength": 32],
            "allowed": ["type": "boolean"], "config": objectOrNull,
        ]
        if isNew { properties["id"] = ["type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"] }
        return ["type": "object", "required": isNew ? ["id"] : [], "properties": .object(properties)]
    }

    /// The body of a request for a token.
    static let tokenForm: JSON = [
        "type": "object",
        "properties": [
            "ttlSeconds": [
                "type": ["integer", "null"], "description": "60 to 31536000; 0 and null mean the configured life.",
            ]
        ],
    ]

    /// A token.
    static let token = allOf(["token": text, "expiresAt": moment, "scope": text, "agentId": text])

    /// A manifest.
    static let manifest = allOf([
        "id": ["type": "integer"], "role": text, "version": text, "status": text, "downloadUrl": textOrNull,
        "content": objectOrNull, "notes": textOrNull, "created_at": moment, "updated_at": moment,
    ])

    /// The body of a new manifest or of a change.
    static func manifestForm(isNew: Bool) -> JSON {
        let properties: JSONObject = [
            "role": ["type": "string", "maxLength": 64], "version": ["type": "string", "maxLength": 64],
            "status": ["type": "string", "maxLength": 32],
            "downloadUrl": ["type": ["string", "null"], "format": "uri", "maxLength": 2048], "content": objectOrNull,
            "notes": ["type": ["string", "null"], "maxLength": 20_000],
        ]
        return ["type": "object", "required": isNew ? ["role", "version"] : [], "properties": .object(properties)]
    }

    /// A task.
    static let task = allOf([
        "id": text, "agentId": text, "manifestId": wholeOrNull, "manifestUrl": textOrNull, "actions": list(text),
        "expiresAt": moment,
        "status": ["type": "string", "enum": .array(TaskState.allCases.map { .string($0.rawValue) })],
        "tokenNonce": text, "pushedAt": momentOrNull, "startedAt": momentOrNull, "finishedAt": momentOrNull,
        "requestPayload": object, "resultPayload": objectOrNull, "errorMessage": textOrNull, "created_at": moment,
        "updated_at": moment, "submitStatus": text, "callbackStatus": text, "finalStatus": text,
        "errorCode": textOrNull,
    ])

    /// The body of a new task.
    static let taskForm: JSON = [
        "type": "object", "required": ["agentId"],
        "properties": [
            "agentId": text, "manifestId": wholeOrNull, "manifestUrl": textOrNull,
            "actions": [
                "type": ["array", "object", "null"], "items": text,
                "additionalProperties": ["type": "boolean"],
            ], "expiresAt": momentOrNull, "taskId": ["type": ["string", "null"], "maxLength": 64],
        ],
    ]

    /// What came of a push.
    static let pushed = allOf([
        "taskId": text, "agentId": text, "status": text, "pushStatus": wholeOrNull, "tokenExpiresAt": moment,
    ])

    /// What was told about a task.
    static let event = allOf([
        "id": ["type": "integer"], "taskId": text, "level": text, "message": text, "payload": objectOrNull,
        "step": [:], "progress": [:], "eventTime": momentOrNull, "created_at": moment,
    ])

    /// The body of an event; other keys are ignored.
    static let eventForm: JSON = [
        "type": "object", "required": ["message"],
        "properties": [
            "level": ["type": ["string", "null"], "maxLength": 32, "description": "`info`, `warn` or `error`."],
            "message": ["type": "string", "description": "Cut to 4096 characters."], "step": textOrNull,
            "stage": textOrNull, "progress": numberOrNull, "payload": objectOrNull,
            "eventTime": momentOrNull, "provider": textOrNull, "nodeId": textOrNull,
            "retryCount": numberOrNull, "traceId": textOrNull,
        ],
    ]

    /// The body of a receipt of success; other keys are kept.
    static let completeForm: JSON = ["type": "object", "properties": ["summary": textOrNull, "failed_items": [:]]]

    /// The body of a receipt of failure; other keys are kept.
    static let failedForm: JSON = [
        "type": "object",
        "properties": ["error_code": textOrNull, "message": textOrNull, "error": textOrNull, "failed_items": [:]],
    ]

    /// The body of a heartbeat.
    static let heartbeatForm: JSON = [
        "type": "object",
        "properties": [
            "status": textOrNull, "cpu": numberOrNull, "mem": numberOrNull, "disk_free_gb": numberOrNull,
            "gpu": objectOrNull, "metrics": objectOrNull, "payload": objectOrNull, "agent_version": textOrNull,
            "comfyui_version": textOrNull,
        ],
    ]

    /// The answer to a heartbeat.
    static let heartbeat = allOf([
        "status": ["type": "string", "enum": ["ok"]], "agentId": text, "receivedAt": moment,
    ])

    /// The body of a question about a token.
    static let verifyForm: JSON = [
        "type": "object",
        "properties": ["token": textOrNull, "agent_id": textOrNull, "task_id": textOrNull, "nonce": textOrNull],
    ]

    /// What a good token says.
    static let verified = allOf([
        "ok": ["type": "boolean"], "agentId": text, "taskId": textOrNull, "expiresAt": momentOrNull, "scope": text,
        "policy": allOf(["allow": ["type": "boolean"]]),
    ])
}
