internal import PluginAPI

extension Python {
    /// `int(value)`, as a JSON number; integers keep their digits, whatever their size.
    static func int(_ value: JSON) throws(PythonError) -> JSONNumber {
        switch value {
        case .bool(let flag): return JSONNumber(flag ? 1 : 0)
        case .number(let number) where isInteger(number): return number
        case .number(let number): return try truncated(number.double ?? .infinity)
        case .string(let string):
            guard let digits = digits(of: string), let number = JSONNumber(literal: digits) else {
                throw PythonError("ValueError", "invalid literal for int() with base 10: \(repr(value))")
            }
            return number
        default:
            throw PythonError(
                "TypeError",
                "int() argument must be a string, a bytes-like object or a real number, not '\(typeName(value))'")
        }
    }

    /// `float(value)`.
    static func float(_ value: JSON) throws(PythonError) -> Double {
        switch value {
        case .bool(let flag): return flag ? 1 : 0
        case .number(let number):
            if let double = number.double { return double }
            guard isInteger(number) else { return number.literal.hasPrefix("-") ? -.infinity : .infinity }
            throw PythonError("OverflowError", "int too large to convert to float")
        case .string(let string):
            guard let double = double(of: string) else {
                throw PythonError("ValueError", "could not convert string to float: \(repr(value))")
            }
            return double
        default:
            throw PythonError(
                "TypeError", "float() argument must be a string or a real number, not '\(typeName(value))'")
        }
    }

    /// Whether one number is smaller than another, exact for integers of 64 bits.
    static func isLess(_ left: JSONNumber, _ right: JSONNumber) -> Bool {
        if let left = left.int, let right = right.int { return left < right }
        if let left = left.uint64, let right = right.uint64 { return left < right }
        return (left.double ?? .infinity) < (right.double ?? .infinity)
    }

    private static func truncated(_ value: Double) throws(PythonError) -> JSONNumber {
        if value.isNaN { throw PythonError("ValueError", "cannot convert float NaN to integer") }
        if value.isInfinite { throw PythonError("OverflowError", "cannot convert float infinity to integer") }
        if let whole = Int(exactly: value.rounded(.towardZero)) { return JSONNumber(whole) }
        if let whole = UInt64(exactly: value.rounded(.towardZero)) { return JSONNumber(whole) }
        throw PythonError("OverflowError", "Python int too large to convert to C long")
    }

    /// The canonical digits of text that `int()` accepts.
    private static func digits(of text: String) -> String? {
        var rest = trimmed(text)
        var sign = ""
        if let first = rest.first, first == "+" || first == "-" {
            sign = first == "-" ? "-" : ""
            rest.removeFirst()
        }
        let groups = rest.split(separator: "_", omittingEmptySubsequences: false)
        guard groups.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else {
            return nil
        }
        let digits = groups.joined().drop { $0 == "0" }
        return digits.isEmpty ? "0" : sign + digits
    }

    private static func double(of text: String) -> Double? {
        let rest = trimmed(text)
        let lower = rest.lowercased()
        let word = lower.drop { $0 == "+" || $0 == "-" }
        if ["inf", "infinity"].contains(word) { return lower.hasPrefix("-") ? -.infinity : .infinity }
        if word == "nan" { return .nan }
        guard lower.utf8.allSatisfy({ (0x30...0x39).contains($0) || "+-.e_".utf8.contains($0) }) else { return nil }
        return Double(rest.filter { $0 != "_" })
    }

    private static func trimmed(_ text: String) -> Substring {
        let start = text.drop { $0.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return start[...last]
    }
}
