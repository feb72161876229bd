extension Surface {
    /// The dialect of seeds 000 and 001, `/api/admin/…` and `/api/agent/…`: `{"detail": "CODE"}`, a list for a body of the wrong
    /// form, and the keys of the neighbouring surfaces (`spec/errors.md` §1, §2); details that are an object add their keys.
    public static let admin = Surface(name: "admin", errorSchema: adminSchema) { error, _ in
        let code = adminCode(error)
        let isForm = error.code == "http.bad_body" && error.details?.arrayValue != nil
        // An unknown path has no code of its own there.
        let isRoute = error.code == "http.not_found" || error.code == "http.method_not_allowed"
        let detail = isForm ? error.details ?? [] : .string(isRoute ? error.message : code)
        var body: JSONObject = [
            "detail": detail, "error": .string(error.message), "status_code": .number(JSONNumber(error.status.code)),
            "code": .string(code),
        ]
        // What more there is to say stands beside the usual keys: `taskId` of a task that exists all the same.
        for (key, value) in error.details?.objectValue ?? [:] where !body.contains(key) { body[key] = value }
        return .json(.object(body), status: error.status)
    }

    private static func adminCode(_ error: HTTPError) -> String {
        switch error.code {
        case "auth.required": return "AUTHORIZATION_REQUIRED"
        case "auth.invalid_token": return "INVALID_TOKEN"
        case "auth.forbidden": return "ADMIN_ONLY"
        default: break
        }
        // Of an error that the seeds do not know: its own code in their letters, `STORAGE_FULL`, `BODY_TOO_LARGE`.
        let ownWords = error.code.hasPrefix("http.") ? error.code.dropFirst("http.".count) : error.code[...]
        return String(ownWords.map { $0 == "." ? "_" : $0 }).uppercased()
    }

    private static let adminSchema: JSON = [
        "type": "object",
        "properties": [
            "detail": ["type": ["string", "array"]], "error": ["type": "string"],
            "status_code": ["type": "integer"], "code": ["type": "string"],
        ],
        "required": ["detail", "error", "status_code", "code"],
    ]
}
