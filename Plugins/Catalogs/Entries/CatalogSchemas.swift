import PluginAPI

/// JSON schemas of what the catalogs take and answer, for `/openapi.json`.
enum CatalogSchemas {
    /// What a route with the number of a row may answer.
    static let badID: [(status: Int, reason: String)] = [
        (404, "`NOT_FOUND`: there is no such row."), (422, "The id is no integer."),
    ]
    /// What a route with a body may answer.
    static let badBody: [(status: Int, reason: String)] = [
        (413, "The body is too large."), (415, "The body cannot be JSON."), (422, "The body has not the right form."),
    ]
    /// The answer to a deletion.
    static let deleted: JSON = [
        "type": "object", "required": ["status"], "properties": ["status": ["type": "string", "enum": ["deleted"]]],
    ]

    /// A row.
    static func entry(_ kind: CatalogKind) -> JSON {
        var properties: JSONObject = ["id": ["type": "integer"]]
        for column in kind.columns { properties[column.name] = column.schema }
        for name in ["created_at", "updated_at"] { properties[name] = ["type": "string", "format": "date-time"] }
        let required = properties.keys.map { JSON.string($0) }
        if kind.name == CatalogKind.loras.name { properties["installed"] = ["type": ["boolean", "null"]] }
        return ["type": "object", "required": .array(required), "properties": .object(properties)]
    }

    /// A list of rows.
    static func list(_ kind: CatalogKind) -> JSON {
        [
            "type": "object", "required": ["items"],
            "properties": ["items": ["type": "array", "items": entry(kind)]],
        ]
    }

    /// The body of a new row or of a change.
    static func form(_ kind: CatalogKind, isNew: Bool) -> JSON {
        var properties: JSONObject = [:]
        for column in kind.columns where isNew || !column.isImmutable {
            properties[column.name] = column.formSchema(isNew: isNew)
        }
        let required = isNew ? kind.columns.filter(\.isRequired).map { JSON.string($0.name) } : []
        return ["type": "object", "required": .array(required), "properties": .object(properties)]
    }
}
