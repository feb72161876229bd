import PluginAPI

/// One field of a catalog's rows.
struct CatalogColumn: Sendable {
    /// What a field holds.
    enum Kind: Sendable, Equatable {
        /// A text of so many characters at most.
        case text(Int)
        /// An address of so many characters at most.
        case url(Int)
        /// A list of texts.
        case words
        /// A moment.
        case moment
    }

    /// Its name: in JSON, in CSV and in the table.
    let name: String
    /// What it holds.
    let kind: Kind
    /// Whether a new row must have it; such a field is never null.
    var isRequired = false
    /// Whether it stays as it was when the row was made.
    var isImmutable = false
    /// What a new row gets that does not have it; such a field is never null.
    var initial: String?

    /// Whether it may be null.
    var isNullable: Bool { !isRequired && initial == nil }

    /// The JSON schema of its values in answers.
    var schema: JSON { .object(schema(isNullable: isNullable)) }

    /// The JSON schema of its values in requests: where nothing may be missing, `null` leaves what is there.
    func formSchema(isNew: Bool) -> JSON {
        var schema = schema(isNullable: !(isNew && isRequired))
        switch kind {
        case .text, .url: if !isNullable { schema["minLength"] = 1 }
        case .words:
            schema["maxItems"] = .number(JSONNumber(Self.mostWords))
            schema["items"] = ["type": "string", "maxLength": .number(JSONNumber(Self.longestWord))]
        case .moment: break
        }
        if !isNullable, !(isNew && isRequired) { schema["description"] = "`null` changes nothing." }
        return .object(schema)
    }

    private func schema(isNullable: Bool) -> JSONObject {
        func type(_ name: JSON) -> JSON { isNullable ? [name, "null"] : name }
        switch kind {
        case .text(let longest), .url(let longest):
            return ["type": type("string"), "maxLength": .number(JSONNumber(longest))]
        case .words: return ["type": type("array"), "items": ["type": "string"]]
        case .moment: return ["type": type("string"), "format": "date-time"]
        }
    }

    /// The most texts of a list.
    static let mostWords = 200
    /// The longest text of a list, in characters.
    static let longestWord = 256

    /// Turns a value of a row into what the table holds.
    func stored(_ value: JSON) -> SQLValue {
        switch kind {
        case .text, .url: value.stringValue.map { .text($0) } ?? .null
        case .words: value.arrayValue == nil ? .null : .text(value.text())
        case .moment: value.stringValue.flatMap { Timestamp(iso8601: $0) }?.sqlValue ?? .null
        }
    }

    /// Reads the value of a row of the table.
    ///
    /// - Throws: ``DatabaseError``.
    func value(in row: Row) throws -> JSON {
        switch kind {
        case .text, .url: try row.optional(name, as: String.self).map { .string($0) } ?? .null
        case .words: try row.optional(name, as: String.self).flatMap { try? JSON(parsing: $0) } ?? .null
        case .moment: try row.optional(name, as: Timestamp.self).map { .string($0.iso8601) } ?? .null
        }
    }
}
