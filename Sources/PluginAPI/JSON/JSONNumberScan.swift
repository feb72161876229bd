/// Where a number ends in a text, by the grammar of RFC 8259 §6.
struct JSONNumberScan {
    /// The index after the number, or of the byte that breaks the grammar.
    private(set) var end: Int
    /// What breaks the grammar, nil for a number.
    private(set) var problem: JSONParser.Problem?

    /// Reads a number that starts at an index, be it with a minus or a digit.
    @inline(__always)
    init(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) {
        end = start
        let byte = self.byte(bytes)
        if byte == UInt8(ascii: "-") { end += 1 }
        let integerStart = end
        skipDigits(bytes)
        guard end > integerStart else {
            problem = .expectedDigit
            return
        }
        if end - integerStart > 1, bytes[integerStart] == UInt8(ascii: "0") {
            end = integerStart + 1
            problem = .leadingZero
            return
        }
        let next = self.byte(bytes)
        if next == UInt8(ascii: ".") || next | 0x20 == UInt8(ascii: "e") {
            scanFractionAndExponent(bytes)
        }
    }

    private mutating func scanFractionAndExponent(_ bytes: UnsafeBufferPointer<UInt8>) {
        if byte(bytes) == UInt8(ascii: ".") {
            end += 1
            guard requireDigits(bytes) else { return }
        }
        guard byte(bytes) | 0x20 == UInt8(ascii: "e") else { return }
        end += 1
        let sign = byte(bytes)
        if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { end += 1 }
        _ = requireDigits(bytes)
    }

    private mutating func requireDigits(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        let start = end
        skipDigits(bytes)
        if end == start { problem = .expectedDigit }
        return end > start
    }

    @inline(__always)
    private mutating func skipDigits(_ bytes: UnsafeBufferPointer<UInt8>) {
        var index = end
        while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10 { index += 1 }
        end = index
    }

    /// The byte at the end so far; 0, which no number contains, after the last one.
    @inline(__always)
    private func byte(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt8 {
        end < bytes.count ? bytes[end] : 0
    }
}
