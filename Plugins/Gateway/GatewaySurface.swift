import PluginAPI

extension Surface {
    /// The dialect of the gateway's clients: `{"detail", "error", "status_code", "code"}` (`spec/errors.md` §1).
    ///
    /// `detail` is a text, a list for a body of the wrong form, or ComfyUI's error object when a worker refused a
    /// prompt. Below `/api/prompt`, `error` has ComfyUI's form and `node_errors` is there, because its clients read
    /// both from every refusal.
    static let gateway = Surface(name: "gateway", errorSchema: gatewaySchema) { error, request in
        let details = error.details
        var body: JSONObject = [
            "detail": .string(error.message), "error": .string(error.message),
            "status_code": .number(JSONNumber(error.status.code)), "code": .string(error.code),
        ]
        if error.code == "http.bad_body", let details, details.arrayValue != nil {
            body["detail"] = details
        } else if let refusal = details?["error"], refusal.objectValue != nil {
            body["detail"] = refusal
            body["error"] = refusal
            body["node_errors"] = details?["node_errors"] ?? [:]
        } else if let members = details?.objectValue {
            for (key, value) in members where !body.contains(key) { body[key] = value }
        }
        if request.path == "/api/prompt" || request.path == "/api/prompt/", body["error"]?.objectValue == nil {
            body["error"] = [
                "type": .string(error.code), "message": .string(error.message), "details": "", "extra_info": [:],
            ]
            body["node_errors"] = [:]
        }
        return .json(.object(body), status: error.status)
    }

    private static let gatewaySchema: JSON = [
        "type": "object",
        "properties": [
            "detail": ["type": ["string", "array", "object"]], "error": ["type": ["string", "object"]],
            "status_code": ["type": "integer"], "code": ["type": "string"],
            "node_errors": ["type": ["object", "array"]],
        ],
        "required": ["detail", "error", "status_code", "code"],
    ]
}
