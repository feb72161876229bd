/// A JSON number kept as its text, so that `8.0`, `1E+5` and 64-bit seeds survive a round trip.
///
/// Two numbers are equal when their literals are.
public struct JSONNumber: Sendable, Hashable {
    /// The text of the number, byte for byte as it was parsed or given.
    public let literal: String

    /// Makes a number from its text, nil when the text is not a number of RFC 8259 §6.
    public init?(literal: String) {
        var text = literal
        let isNumber = text.withUTF8 { bytes in
            let scan = JSONNumberScan(bytes, from: 0)
            return scan.problem == nil && scan.end == bytes.count
        }
        guard isNumber else { return nil }
        self.literal = literal
    }

    /// Makes a number from text that is known to follow the grammar.
    init(validated literal: String) {
        self.literal = literal
    }

    /// Makes a number from an integer.
    public init(_ value: Int) {
        literal = String(value)
    }

    /// Makes a number from an unsigned integer.
    public init(_ value: UInt64) {
        literal = String(value)
    }

    /// Makes a number from a `Double`, written as the shortest text that gives the same value.
    ///
    /// What is not finite gets Python's word for it, `NaN`, `Infinity` or `-Infinity`. That is not standard JSON:
    /// ``isFinite`` tells, and ``init(exactly:)`` refuses it.
    public init(_ value: Double) {
        if value.isFinite {
            literal = value.description
        } else if value.isNaN {
            literal = "NaN"
        } else {
            literal = value < 0 ? "-Infinity" : "Infinity"
        }
    }

    /// Makes a number from a `Double`, nil when it is infinite or not a number.
    public init?(exactly value: Double) {
        guard value.isFinite else { return nil }
        literal = value.description
    }

    /// Whether the literal is a number of the standard, and not one of Python's words `NaN` and `Infinity`.
    public var isFinite: Bool {
        // Of all literals only these words contain one of the letters.
        !literal.utf8.contains { $0 == UInt8(ascii: "N") || $0 == UInt8(ascii: "I") }
    }
}

// MARK: - Values

extension JSONNumber {
    /// The number as an `Int`, nil unless it is integral and in range; `8.0` and `1e3` are integral.
    public var int: Int? {
        if let value = Int(literal) { return value }
        guard let exact = JSONInteger(literal) else { return nil }
        if exact.isNegative {
            return exact.magnitude <= Int.min.magnitude ? Int(truncatingIfNeeded: 0 &- exact.magnitude) : nil
        }
        return Int(exactly: exact.magnitude)
    }

    /// The number as a `UInt64`, nil unless it is integral and in range.
    public var uint64: UInt64? {
        if let value = UInt64(literal) { return value }
        guard let exact = JSONInteger(literal), !exact.isNegative || exact.magnitude == 0 else { return nil }
        return exact.magnitude
    }

    /// The nearest `Double`, nil when the number is too large for one.
    ///
    /// The words `NaN`, `Infinity` and `-Infinity` give the values they name.
    public var double: Double? {
        guard isFinite else {
            if literal == "NaN" { return .nan }
            return literal == "Infinity" ? .infinity : -.infinity
        }
        guard let value = Double(literal), value.isFinite else { return nil }
        return value
    }
}

extension JSONNumber: CustomStringConvertible {
    /// The literal.
    public var description: String {
        literal
    }
}

extension JSONNumber: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    /// Makes a number from an integer literal.
    public init(integerLiteral value: Int) {
        self.init(value)
    }

    /// Makes a number from a floating-point literal.
    public init(floatLiteral value: Double) {
        self.init(value)
    }
}
