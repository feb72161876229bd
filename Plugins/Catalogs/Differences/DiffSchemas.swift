import PluginAPI

/// JSON schemas of server differences, for `/openapi.json`.
enum DiffSchemas {
    /// A stored snapshot.
    static let row: JSON = [
        "type": "object", "required": ["id", "baseline_executor_id", "payload", "created_at"],
        "properties": [
            "id": ["type": "integer"], "baseline_executor_id": ["type": "string"], "payload": ["type": "object"],
            "created_at": ["type": "string", "format": "date-time"],
        ],
    ]

    /// What is to be stored or computed.
    static let form: JSON = [
        "type": "object", "required": ["baseline_executor_id"],
        "properties": [
            "baseline_executor_id": [
                "type": "string", "minLength": 1, "maxLength": .number(JSONNumber(DiffForm.longestID)),
            ], "payload": ["type": "object"],
            "executorIds": [
                "type": ["array", "null"], "maxItems": .number(JSONNumber(DiffForm.mostServers)),
                "items": ["type": "string", "minLength": 1],
            ],
        ],
    ]

    /// What may be wrong with a request to store or compute.
    static let postErrors: [(status: Int, reason: String)] = [
        (400, "`EXECUTOR_TYPE_NOT_COMFYUI` or `COMFYUI_BASE_URL_MISSING`: an executor cannot be asked."),
        (404, "`EXECUTOR_NOT_FOUND`: the baseline, or one of `executorIds`, is not known."),
        (413, "The body is too large; or `SERVER_DIFF_TOO_LARGE`: the differences are."),
        (415, "The body cannot be JSON."), (422, "The body has not the right form."),
        (502, "`COMFYUI_OBJECT_INFO_ERROR` or `COMFYUI_OBJECT_INFO_INVALID`: the baseline cannot be asked."),
    ]
}
