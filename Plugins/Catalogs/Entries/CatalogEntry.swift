import PluginAPI

/// One row of a catalog.
struct CatalogEntry: Sendable {
    /// The number it was given.
    let id: Int64
    /// All fields of its catalog; `null` where there is nothing.
    var values: JSONObject
    /// When it was made.
    let createdAt: Timestamp
    /// When it was last changed.
    var updatedAt: Timestamp

    /// The row as it is answered.
    var json: JSONObject {
        var body: JSONObject = ["id": .number(JSONNumber(Int(id)))]
        for (name, value) in values { body[name] = value }
        body["created_at"] = .string(createdAt.iso8601)
        body["updated_at"] = .string(updatedAt.iso8601)
        return body
    }

    /// The fields that make it unique, as one text for people.
    func keyText(_ kind: CatalogKind) -> String {
        kind.key.map { values[$0]?.stringValue ?? "" }.joined(separator: "/")
    }

    /// Reads a row.
    ///
    /// - Throws: ``DatabaseError``.
    init(_ kind: CatalogKind, _ row: Row) throws {
        id = try row.get("id")
        values = JSONObject(try kind.columns.map { ($0.name, try $0.value(in: row)) })
        createdAt = try row.get("created_at")
        updatedAt = try row.get("updated_at")
    }

    /// Makes a row.
    init(id: Int64, values: JSONObject, createdAt: Timestamp, updatedAt: Timestamp) {
        self.id = id
        self.values = values
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}
