/// One row of a result.
public struct Row {
    private let columns: [String]
    private let value: (Int) -> SQLValue

    /// Makes a row over a driver's cursor; `value` is called with indices below `columns.count` only.
    public init(columns: [String], value: @escaping (Int) -> SQLValue) {
        self.columns = columns
        self.value = value
    }

    /// The value of a column.
    ///
    /// - Throws: ``DatabaseError`` `misuse` when there is no such column, or its value is NULL or of another type.
    public func get<V: SQLValueConvertible>(_ column: String, as type: V.Type = V.self) throws -> V {
        let raw = try sqlValue(column)
        guard let converted = V(sqlValue: raw) else {
            throw DatabaseError(.misuse, "column \"\(column)\" is \(raw.kind), not \(V.self)")
        }
        return converted
    }

    /// The value of a column that may be NULL.
    ///
    /// - Throws: as ``get(_:as:)``, but not for NULL.
    public func optional<V: SQLValueConvertible>(_ column: String, as type: V.Type = V.self) throws -> V? {
        if case .null = try sqlValue(column) { return nil }
        return try get(column, as: type)
    }

    /// The raw value of a column.
    ///
    /// - Throws: ``DatabaseError`` `misuse` when there is no such column.
    public func sqlValue(_ column: String) throws -> SQLValue {
        guard let index = columns.firstIndex(of: column) else {
            throw DatabaseError(.misuse, "no column \"\(column)\" in the result (\(columns.joined(separator: ", ")))")
        }
        return value(index)
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
