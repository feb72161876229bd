import PluginAPI

extension Surface {
    /// The dialect of seed 002: `{"error", "status_code"}`, and the keys of its neighbours (`spec/errors.md` §1).
    ///
    /// `error` is always a text. What a server says of a refused graph is in `node_errors`.
    static let named = Surface(name: "named workflows", errorSchema: namedSchema) { error, _ in
        var body: JSONObject = [
            "error": .string(error.message), "status_code": .number(JSONNumber(error.status.code)),
            "detail": .string(error.message), "code": .string(error.code),
        ]
        for (key, value) in error.details?.objectValue ?? [:] where !body.contains(key) { body[key] = value }
        return .json(.object(body), status: error.status)
    }

    private static let namedSchema: JSON = [
        "type": "object",
        "properties": [
            "error": ["type": "string"], "status_code": ["type": "integer"], "detail": ["type": "string"],
            "code": ["type": "string"],
        ],
        "required": ["error", "status_code", "detail", "code"],
    ]
}
