import PluginAPI

/// JSON schemas of what the gateway answers, for `/openapi.json`.
enum Schemas {
    private static let text: JSON = ["type": "string"]
    private static let textOrNull: JSON = ["type": ["string", "null"]]
    private static let whole: JSON = ["type": "integer"]
    private static let wholeOrNull: JSON = ["type": ["integer", "null"]]
    private static let flag: JSON = ["type": "boolean"]
    private static let moment: JSON = ["type": "string", "format": "date-time"]
    private static let momentOrNull: JSON = ["type": ["string", "null"], "format": "date-time"]
    /// Servers say "none" as an empty list, too.
    static let nodeErrors: JSON = ["type": ["object", "array"]]

    /// An object whose properties are all there, but for the optional ones.
    static func object(_ properties: JSONObject, optional: JSONObject = [:]) -> JSON {
        [
            "type": "object", "required": .array(properties.keys.map { .string($0) }),
            "properties": .object(properties.merging(optional)),
        ]
    }

    /// A list.
    static func list(_ items: JSON) -> JSON {
        ["type": "array", "items": items]
    }

    private static let workerFacts: JSONObject = [
        "worker_id": text, "url": text, "name": text, "weight": whole, "enabled": flag, "auth_username": textOrNull,
        "auth_has_password": flag,
    ]

    /// A worker as it was changed.
    static let worker = object(workerFacts)

    /// A worker as it was registered.
    static let registeredWorker = object(
        workerFacts.merging(["healthy": flag]),
        optional: ["detail": ["type": "string", "description": "Why it is not healthy."]])

    /// A worker with its state.
    static let workerState = object(
        workerFacts.merging([
            "healthy": flag, "breaker": ["type": "string", "enum": ["closed", "open", "half_open"]],
            "queue_running": whole, "queue_pending": whole,
        ]), optional: ["detail": ["type": "string", "description": "Why it is not healthy."]])

    /// The record of a prompt.
    static let task = object([
        "prompt_id": text, "gateway_job_id": textOrNull, "status": words(TaskStatus.allCases.map(\.rawValue)),
        "state": words(JobState.allCases.map(\.rawValue)), "priority": whole, "caller": text,
        "worker_id": textOrNull, "worker_name": textOrNull, "position": wholeOrNull, "progress": wholeOrNull,
        "current_node": textOrNull, "attempts": whole, "created_at": moment, "submitted_at": momentOrNull,
        "started_at": momentOrNull, "finished_at": momentOrNull, "wait_seconds": ["type": "number"],
        "run_seconds": ["type": ["number", "null"]], "error": textOrNull, "node_errors": nodeErrors,
    ])

    /// The story of a prompt.
    static let story = object(
        [
            "prompt_id": text, "gateway_job_id": textOrNull, "state": words(JobState.allCases.map(\.rawValue)),
            "events": list(
                object([
                    "at": moment, "state": words(JobState.allCases.map(\.rawValue)), "actor": text,
                    "worker_id": textOrNull, "worker_name": textOrNull, "reason": text,
                ])),
        ], optional: ["position": wholeOrNull, "waiting_for": text])

    /// The status answer.
    static let status = object(
        [
            "prompt_id": text, "worker_id": textOrNull, "worker_name": textOrNull,
            "status": words(TaskStatus.allCases.map(\.rawValue)), "progress": wholeOrNull, "message": text,
        ],
        optional: [
            "position": wholeOrNull, "current_node": textOrNull, "node_progress": whole,
            "history": ["type": "object"], "node_errors": nodeErrors,
        ])

    /// The status of a prompt that was submitted with a priority.
    static let gatewayJob = object(
        [
            "gateway_job_id": text, "status": text, "prompt_id": textOrNull, "worker_id": textOrNull,
            "priority": whole,
        ], optional: ["position": wholeOrNull, "error": text, "node_errors": nodeErrors])

    /// The queues of all workers.
    static let queue = object([
        "workers": list(
            object([
                "worker_id": text, "name": text, "url": text, "healthy": flag, "enabled": flag,
                "queue_running": whole, "queue_pending": whole,
            ])),
        "gateway_queue": list(
            object([
                "prompt_id": text, "worker_id": text, "worker_name": text, "status": words(["running", "pending"]),
                "position": whole,
            ])),
        "total_running": whole, "total_pending": whole,
        "priority_queue": list(
            object([
                "gateway_job_id": textOrNull, "prompt_id": text, "priority": whole, "position": whole,
                "created_at": moment,
            ])),
        "waiting": whole, "queue_running": list(["type": "array"]), "queue_pending": list(["type": "array"]),
    ])

    private static func words(_ words: [String]) -> JSON {
        ["type": "string", "enum": .array(words.map { .string($0) })]
    }
}

extension JSONObject {
    /// This object with the members of another one behind its own.
    fileprivate func merging(_ other: JSONObject) -> JSONObject {
        var merged = self
        for (key, value) in other { merged[key] = value }
        return merged
    }
}
