/// A statement whose values can only be bound: `"SELECT url FROM gateway_workers WHERE id = \(id)"`.
public struct SQL: Sendable, ExpressibleByStringInterpolation {
    /// The statement with a `?` for each value.
    public let text: String
    /// The values in order.
    public let values: [SQLValue]

    /// Makes a statement without values.
    public init(stringLiteral value: String) {
        text = value
        values = []
    }

    /// Makes a statement from an interpolation.
    public init(stringInterpolation: StringInterpolation) {
        text = stringInterpolation.text
        values = stringInterpolation.values
    }

    /// Makes a statement from parts, for statements of varying length.
    public init(text: String, values: [SQLValue]) {
        self.text = text
        self.values = values
    }

    /// Joins statements.
    public static func + (lhs: SQL, rhs: SQL) -> SQL {
        SQL(text: lhs.text + rhs.text, values: lhs.values + rhs.values)
    }

    /// A comma-separated list of bound values, for `IN (…)`.
    public static func list(_ values: [some SQLValueConvertible]) -> SQL {
        SQL(text: values.map { _ in "?" }.joined(separator: ", "), values: values.map(\.sqlValue))
    }

    /// Collects text and values.
    public struct StringInterpolation: StringInterpolationProtocol, Sendable {
        var text = ""
        var values: [SQLValue] = []

        /// Reserves room.
        public init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount)
            values.reserveCapacity(interpolationCount)
        }

        /// Adds literal SQL.
        public mutating func appendLiteral(_ literal: String) {
            text += literal
        }

        /// Binds a value.
        public mutating func appendInterpolation(_ value: some SQLValueConvertible) {
            text += "?"
            values.append(value.sqlValue)
        }

        /// Binds a value or NULL.
        public mutating func appendInterpolation(_ value: (some SQLValueConvertible)?) {
            text += "?"
            values.append(value?.sqlValue ?? .null)
        }

        /// Binds an object as JSON text, or NULL; ``Row/object(_:)`` reads it.
        public mutating func appendInterpolation(_ object: JSONObject?) {
            appendInterpolation(object.map { JSON.object($0).text() })
        }

        /// Inserts another statement with its values.
        public mutating func appendInterpolation(_ sql: SQL) {
            text += sql.text
            values += sql.values
        }

        /// Inserts a quoted name of a table or column; anything but letters, digits and `_` is dropped.
        public mutating func appendInterpolation(identifier: String) {
            text += identifier.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        }

        /// Inserts SQL text as it is: shows in review, never for outside data.
        public mutating func appendInterpolation(unsafe sql: String) {
            text += sql
        }
    }
}

/// A value of a database column.
public enum SQLValue: Sendable, Hashable {
    /// NULL.
    case null
    /// A 64-bit integer.
    case integer(Int64)
    /// A floating-point number.
    case real(Double)
    /// A text.
    case text(String)
    /// Bytes.
    case blob([UInt8])
}

/// A type that columns can hold.
public protocol SQLValueConvertible: Sendable {
    /// The value to bind.
    var sqlValue: SQLValue { get }
    /// Takes a column's value; `nil` when it is of another type.
    init?(sqlValue: SQLValue)
}

extension Int64: SQLValueConvertible {
    /// An integer.
    public var sqlValue: SQLValue { .integer(self) }
    /// Takes an integer.
    public init?(sqlValue: SQLValue) {
        guard case .integer(let value) = sqlValue else { return nil }
        self = value
    }
}

extension Int: SQLValueConvertible {
    /// An integer.
    public var sqlValue: SQLValue { .integer(Int64(self)) }
    /// Takes an integer.
    public init?(sqlValue: SQLValue) {
        guard case .integer(let value) = sqlValue else { return nil }
        self.init(exactly: value)
    }
}

extension Bool: SQLValueConvertible {
    /// 0 or 1.
    public var sqlValue: SQLValue { .integer(self ? 1 : 0) }
    /// Takes an integer; anything but 0 is true.
    public init?(sqlValue: SQLValue) {
        guard case .integer(let value) = sqlValue else { return nil }
        self = value != 0
    }
}

extension Double: SQLValueConvertible {
    /// A floating-point number.
    public var sqlValue: SQLValue { .real(self) }
    /// Takes a number.
    public init?(sqlValue: SQLValue) {
        switch sqlValue {
        case .real(let value): self = value
        case .integer(let value): self = Double(value)
        default: return nil
        }
    }
}

extension String: SQLValueConvertible {
    /// A text.
    public var sqlValue: SQLValue { .text(self) }
    /// Takes a text.
    public init?(sqlValue: SQLValue) {
        guard case .text(let value) = sqlValue else { return nil }
        self = value
    }
}

extension [UInt8]: SQLValueConvertible {
    /// Bytes.
    public var sqlValue: SQLValue { .blob(self) }
    /// Takes bytes, or a text as UTF-8.
    public init?(sqlValue: SQLValue) {
        switch sqlValue {
        case .blob(let value): self = value
        case .text(let value): self = Array(value.utf8)
        default: return nil
        }
    }
}

extension Timestamp: SQLValueConvertible {
    /// Milliseconds since the epoch.
    public var sqlValue: SQLValue { .integer(milliseconds) }
    /// Takes an integer.
    public init?(sqlValue: SQLValue) {
        guard case .integer(let value) = sqlValue else { return nil }
        self.init(milliseconds: value)
    }
}
