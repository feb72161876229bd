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
    var schema: JSON {
        let type: JSON =
            switch kind {
            case .text, .url, .moment: isNullable ? ["string", "null"] : "string"
            case .words: ["array", "null"]
            }
        switch kind {
        case .text(let longest), .url(let longest): return ["type": type, "maxLength": .number(JSONNumber(longest))]
        case .words: return ["type": type, "items": ["type": "string"]]
        case .moment: return ["type": type, "format": "date-time"]
        }
    }

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
