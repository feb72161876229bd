/// Facts about single bytes of a JSON text, shared by parser and writer.
enum JSONText {
    /// The bits that only bytes beyond ASCII have, of eight bytes.
    static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// Whether a byte ends the plain part of a string: a quote, a backslash or a control character.
    @inline(__always)
    static func isSpecial(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    /// Finds the special bytes among eight, first byte lowest.
    ///
    /// Zero when there are none. Otherwise the lowest bit set belongs to the first special byte; higher ones may be wrong,
    /// because a borrow runs upward.
    @inline(__always)
    static func specialBytes(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quotes = word ^ (ones &* 0x22)
        let backslashes = word ^ (ones &* 0x5C)
        let found =
            ((word &- ones &* 0x20) & ~word) | ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes)
        return found & (ones &* 0x80)
    }

    /// Finds the DEL bytes among eight, with the same caution.
    @inline(__always)
    static func deleteBytes(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let deletes = word ^ (ones &* 0x7F)
        return (deletes &- ones) & ~deletes & (ones &* 0x80)
    }

    /// A number that is equal for equal bytes, and mostly differs for different ones.
    @inline(__always)
    static func fingerprint(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        let count = UInt64(truncatingIfNeeded: bytes.count)
        guard bytes.count >= 8 else {
            var value = count
            for byte in bytes { value = value << 8 | UInt64(byte) }
            return value
        }
        let head = bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
        let tail = bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self)
        return (head &* 0x9E37_79B9_7F4A_7C15) ^ (tail &* 0xC2B2_AE3D_27D4_EB4F) ^ count
    }

    /// The value of a hexadecimal digit, nil for any other byte.
    static func hexDigit(_ byte: UInt8) -> UInt16? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
