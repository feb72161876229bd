import PluginAPI

/// JSON schemas, for `/openapi.json`.
enum AlertSchemas {
    /// An alert.
    static let alert: JSON = ["type": "object", "required": required, "properties": .object(properties)]
    /// An alert that was just taken.
    static let taken: JSON = {
        var more = properties
        more["status"] = ["type": "string", "enum": ["ok"]]
        return ["type": "object", "required": ["status", "id"], "properties": .object(more)]
    }()
    /// What an agent sends.
    static let form: JSON = [
        "type": "object", "required": ["message"],
        "anyOf": [["required": ["type"]], ["required": ["alertType"]], ["required": ["alert_type"]]],
        "properties": [
            "type": type, "alertType": type, "alert_type": type,
            "message": ["type": "string"], "payload": ["type": ["object", "null"]],
        ],
    ]

    private static let type: JSON = [
        "type": "string", "pattern": #"\S"#, "maxLength": .number(JSONNumber(AlertForm.longestType)),
    ]
    private static let moment: JSON = ["type": "string", "format": "date-time"]
    private static let properties: JSONObject = [
        "id": ["type": "integer"], "agentId": ["type": "string"], "alertType": ["type": "string"],
        "message": ["type": "string"], "payload": ["type": ["object", "null"]], "created_at": moment,
        "count": ["type": "integer", "minimum": 1], "last_at": moment,
        "acknowledged_at": ["type": ["string", "null"], "format": "date-time"],
        "acknowledged_by": ["type": ["string", "null"]],
    ]
    private static let required: JSON = .array(properties.keys.map { .string($0) })
}
