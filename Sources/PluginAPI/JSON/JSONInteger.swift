/// Sign and magnitude of a number literal whose value is an integer, worked out without rounding.
struct JSONInteger {
    private(set) var magnitude: UInt64 = 0
    private(set) var isNegative = false

    /// Reads a literal that follows the grammar; nil when it has a fraction or needs more than 64 bits.
    init?(_ literal: String) {
        var literal = literal
        let isInteger = literal.withUTF8 { read($0) }
        guard isInteger else { return nil }
    }

    /// The value is `0.d1d2d3… × 10^scale`, where `d1` and the last digit are not zero: it is an integer when there are
    /// at most `scale` digits.
    private mutating func read(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        isNegative = bytes.first == UInt8(ascii: "-")
        let exponentStart = bytes.firstIndex { $0 | 0x20 == UInt8(ascii: "e") } ?? bytes.count
        let mantissa = UnsafeBufferPointer(rebasing: bytes[(isNegative ? 1 : 0)..<exponentStart])
        let pointPlace = mantissa.firstIndex(of: UInt8(ascii: ".")) ?? mantissa.count
        guard let first = mantissa.firstIndex(where: Self.isSignificant) else {
            // No digit but zeros, or no number at all.
            return mantissa.first == UInt8(ascii: "0")
        }
        guard let last = mantissa.lastIndex(where: Self.isSignificant) else { return false }
        let exponent = Self.exponent(bytes[exponentStart...])
        // Both terms are far from the limits of Int: a place is below the length, the exponent is clamped.
        let scale = exponent + (first < pointPlace ? pointPlace - first : pointPlace + 1 - first)
        guard (1...20).contains(scale) else { return false }
        var places = 0
        for byte in mantissa[first...last] where byte != UInt8(ascii: ".") {
            guard places < scale, multiplyAdd(byte &- UInt8(ascii: "0")) else { return false }
            places += 1
        }
        while places < scale {
            guard multiplyAdd(0) else { return false }
            places += 1
        }
        return true
    }

    private static func isSignificant(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(byte)
    }

    /// Reads `e`, a sign and digits; what is beyond any literal's reach is clamped.
    private static func exponent(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
        let limit = Int.max / 4
        var digits = bytes.dropFirst()
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
        var value = 0
        for digit in digits {
            value = min(value * 10 + Int(digit &- UInt8(ascii: "0")), limit / 10)
        }
        return isNegative ? -value : value
    }

    private mutating func multiplyAdd(_ digit: UInt8) -> Bool {
        let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
        magnitude = sum
        return !overflow && !carry
    }
}
