/// One row of a result.
public struct Row {
    private let columns: [String]
    private let value: (Int) -> SQLValue
    private let place = Place()

    /// Makes a row over a driver's cursor; `value` is called with indices below `columns.count` only.
    public init(columns: [String], value: @escaping (Int) -> SQLValue) {
        self.columns = columns
        self.value = value
    }

    /// The value of a column.
    ///
    /// - Throws: ``DatabaseError`` `misuse` when there is no such column, or its value is NULL or of another type.
    public func get<V: SQLValueConvertible>(_ column: String, as type: V.Type = V.self) throws -> V {
        try Self.convert(try sqlValue(column), column)
    }

    private static func convert<V: SQLValueConvertible>(_ raw: SQLValue, _ column: String) throws -> V {
        guard let converted = V(sqlValue: raw) else {
            throw DatabaseError(.misuse, "column \"\(column)\" is \(raw.kind), not \(V.self)")
        }
        return converted
    }

    /// The value of a column that may be NULL.
    ///
    /// - Throws: as ``get(_:as:)``, but not for NULL.
    public func optional<V: SQLValueConvertible>(_ column: String, as type: V.Type = V.self) throws -> V? {
        let raw = try sqlValue(column)
        if case .null = raw { return nil }
        return try Self.convert(raw, column)
    }

    /// The object that a column has as JSON text; `nil` for NULL.
    ///
    /// - Throws: as ``optional(_:as:)``; ``DatabaseError`` `misuse` too when the text is no object.
    public func object(_ column: String) throws -> JSONObject? {
        guard let text = try optional(column, as: String.self) else { return nil }
        guard let object = (try? JSON(parsing: text))?.objectValue else {
            throw DatabaseError(.misuse, "column \"\(column)\" is no JSON object")
        }
        return object
    }

    /// The raw value of a column.
    ///
    /// - Throws: ``DatabaseError`` `misuse` when there is no such column.
    public func sqlValue(_ column: String) throws -> SQLValue {
        let index: Int
        if place.next < columns.count, columns[place.next] == column {
            index = place.next
        } else if let found = columns.firstIndex(of: column) {
            index = found
        } else {
            throw DatabaseError(.misuse, "no column \"\(column)\" in the result (\(columns.joined(separator: ", ")))")
        }
        place.next = index + 1
        return value(index)
    }

    /// Where the next column is looked for first: they are mostly read in the order of the statement.
    private final class Place {
        var next = 0
    }
}

extension SQLValue {
    var kind: String {
        switch self {
        case .null: "NULL"
        case .integer: "an integer"
        case .real: "a number"
        case .text: "a text"
        case .blob: "bytes"
        }
    }
}
