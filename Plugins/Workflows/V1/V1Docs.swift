import PluginAPI

/// Answers that several routes of seed 004 give.
enum V1Docs {
    /// What a route with a body may answer.
    static let body: [(status: Int, reason: String)] = [
        (413, "The body is too large."), (415, "The body cannot be JSON."), (422, "The body has not the right form."),
    ]
    /// 503.
    static let unreachable = (status: 503, reason: "`CONNECTION_ERROR`: ComfyUI cannot be reached, or failed.")
    /// 502.
    static let queueFailed = (
        status: 502, reason: "`QUEUE_OPERATION_ERROR`: a server did not do it; `detail` says which."
    )
    /// 403.
    static let notYours = (status: 403, reason: "The workflow belongs to somebody else.")
    /// `{"success", "message", "detail"}`.
    static let done: JSON = [
        "type": "object", "required": ["success", "message"],
        "properties": [
            "success": ["type": "boolean"], "message": ["type": "string"], "detail": ["type": "object"],
        ],
    ]
}
