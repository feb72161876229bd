import PluginAPI

extension Surface {
    /// The dialect of seed 004: `{"detail": {"code", "message", "detail"?}}`, a list for a body of the wrong form, and the
    /// keys of its neighbours (`spec/errors.md` §1, §4).
    static let v1 = Surface(name: "v1", errorSchema: v1Schema) { error, _ in
        var detail: JSONObject = ["code": .string(V1Code.of(error)), "message": .string(error.message)]
        if let data = error.details { detail["detail"] = data }
        let isForm = error.code == "http.bad_body" && error.details?.arrayValue != nil
        return .json(
            [
                "detail": isForm ? error.details ?? [] : .object(detail), "error": .string(error.message),
                "status_code": .number(JSONNumber(error.status.code)), "code": .string(V1Code.of(error)),
            ], status: error.status)
    }

    private static let v1Schema: JSON = [
        "type": "object",
        "properties": [
            "detail": [
                "type": ["object", "array"],
                "properties": ["code": ["type": "string"], "message": ["type": "string"], "detail": [:]],
                "required": ["code", "message"],
            ],
            "error": ["type": "string"], "status_code": ["type": "integer"], "code": ["type": "string"],
        ],
        "required": ["detail", "error", "status_code", "code"],
    ]
}

/// The codes of seed 004 (`spec/errors.md` §4).
enum V1Code: String, CaseIterable {
    /// ComfyUI cannot be reached, or answered an error: 503.
    case connection = "CONNECTION_ERROR"
    /// The graph is wrong: 400.
    case validation = "WORKFLOW_VALIDATION_ERROR"
    /// The graph failed while it was executed.
    case execution = "WORKFLOW_EXECUTION_ERROR"
    /// Clearing, deleting or interrupting failed on a server: 502.
    case queueOperation = "QUEUE_OPERATION_ERROR"
    /// Local file trouble: 500, 413, 507.
    case fileOperation = "FILE_OPERATION_ERROR"
    /// No such image: 404.
    case imageNotFound = "IMAGE_NOT_FOUND"
    /// Executed for too long: 504.
    case timeout = "TASK_TIMEOUT"
    /// The WebSocket could not be set up.
    case webSocket = "WEBSOCKET_ERROR"
    /// No result, or not yet: 404.
    case workflowNotFound = "WORKFLOW_NOT_FOUND"
    /// The upload is not an image: 400.
    case invalidFileType = "INVALID_FILE_TYPE"
    /// The rest: 500.
    case `internal` = "INTERNAL_ERROR"

    /// The code to show for an error.
    static func of(_ error: HTTPError) -> String {
        if V1Code(rawValue: error.code) != nil { return error.code }
        if error.code.hasSuffix(".unknown_prompt") { return workflowNotFound.rawValue }
        if error.code.hasPrefix("comfyui."), error.status.code < 500 { return validation.rawValue }
        switch error.status.code {
        case 502, 503: return connection.rawValue
        case 504: return timeout.rawValue
        case 507: return fileOperation.rawValue
        case 500...: return `internal`.rawValue
        default:
            // Of an error that seed 004 does not know, such as a missing token: its own code in the same letters.
            let reason = error.code.utf8.split(separator: UInt8(ascii: ".")).last ?? error.code.utf8[...]
            return String(Substring(reason)).uppercased()
        }
    }
}

extension HTTPError {
    /// An error with a code of seed 004.
    init(_ status: Status, _ code: V1Code, _ message: String, details: JSON? = nil, cause: (any Error)? = nil) {
        self.init(status, code.rawValue, message, details: details, cause: cause)
    }
}
