internal import Glibc

/// Memory that grows as the writer appends to it.
struct JSONByteBuffer: ~Copyable {
    private var start: UnsafeMutablePointer<UInt8>
    private var capacity = 1024
    private var count = 0

    init() {
        start = .allocate(capacity: capacity)
    }

    deinit {
        start.deallocate()
    }

    /// Lends the bytes written so far.
    func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        body(UnsafeBufferPointer(start: start, count: count))
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        reserve(1)
        start[count] = byte
        count += 1
    }

    @inline(__always)
    mutating func append(_ word: StaticString) {
        append(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    @inline(__always)
    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append($0) }
    }

    @inline(__always)
    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        reserve(bytes.count)
        memcpy(start + count, source, bytes.count)
        count += bytes.count
    }

    @inline(__always)
    private mutating func reserve(_ more: Int) {
        if capacity - count < more { grow(more) }
    }

    private mutating func grow(_ more: Int) {
        capacity = max(capacity * 2, count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        memcpy(larger, start, count)
        start.deallocate()
        start = larger
    }
}

// MARK: - Strings

extension JSONByteBuffer {
    /// Appends a string with its quotes and escapes.
    @inline(__always)
    mutating func appendQuoted(_ string: String, asciiOnly: Bool) {
        var string = string
        string.withUTF8 { bytes in
            reserve(bytes.count + 2)
            start[count] = UInt8(ascii: "\"")
            count += 1
            let plain = copyPlain(bytes, asciiOnly: asciiOnly)
            if plain < bytes.count {
                appendEscaped(UnsafeBufferPointer(rebasing: bytes[plain...]), asciiOnly: asciiOnly)
            }
            append(UInt8(ascii: "\""))
        }
    }

    /// Copies bytes up to the first that needs an escape, into memory that was reserved, and returns how many.
    @inline(__always)
    private mutating func copyPlain(_ bytes: UnsafeBufferPointer<UInt8>, asciiOnly: Bool) -> Int {
        guard let source = bytes.baseAddress else { return 0 }
        let target = UnsafeMutableRawPointer(start + count)
        let input = UnsafeRawPointer(source)
        let highBits: UInt64 = asciiOnly ? 0x8080_8080_8080_8080 : 0
        var index = 0
        while index + 8 <= bytes.count {
            let word = input.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let mayBeDelete = asciiOnly ? JSONText.deleteBytes(word) : 0
            guard JSONText.specialBytes(word) | (word & highBits) | mayBeDelete == 0 else { break }
            target.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < bytes.count, !Self.needsEscape(source[index], asciiOnly: asciiOnly) {
            start[count + index] = source[index]
            index += 1
        }
        count += index
        return index
    }

    @inline(__always)
    private static func needsEscape(_ byte: UInt8, asciiOnly: Bool) -> Bool {
        JSONText.isSpecial(byte) || (asciiOnly && byte >= 0x7F)
    }

    /// Appends bytes of which the first needs an escape.
    private mutating func appendEscaped(_ bytes: UnsafeBufferPointer<UInt8>, asciiOnly: Bool) {
        var index = 0
        while index < bytes.count {
            if bytes[index] < 0x80 {
                appendEscape(of: bytes[index])
                index += 1
            } else {
                index += appendUTF16Escapes(UnsafeBufferPointer(rebasing: bytes[index...]))
            }
            let rest = UnsafeBufferPointer(rebasing: bytes[index...])
            reserve(rest.count)
            index += copyPlain(rest, asciiOnly: asciiOnly)
        }
    }

    private mutating func appendEscape(of byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): append(#"\""#)
        case UInt8(ascii: "\\"): append(#"\\"#)
        case 0x08: append(#"\b"#)
        case 0x09: append(#"\t"#)
        case 0x0A: append(#"\n"#)
        case 0x0C: append(#"\f"#)
        case 0x0D: append(#"\r"#)
        default: appendHexEscape(UInt16(byte))
        }
    }

    /// Appends the first scalar of valid UTF-8 as one or two escapes, and returns its length.
    private mutating func appendUTF16Escapes(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return 1 }
        for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter { appendHexEscape(unit) }
        return UTF8.width(scalar)
    }

    private mutating func appendHexEscape(_ unit: UInt16) {
        append(#"\u"#)
        for shift: UInt16 in [12, 8, 4, 0] {
            let digit = UInt8(truncatingIfNeeded: unit >> shift & 0xF)
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}
