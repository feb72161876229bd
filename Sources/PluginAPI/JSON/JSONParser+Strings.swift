extension JSONParser {
    /// Reads a string after its opening quote.
    @inline(__always)
    mutating func parseString() throws(Failure) -> String {
        let start = position
        let plain = plainText(from: start)
        let end = plain.end
        guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else {
            return try parseEscapedString(from: start, to: end)
        }
        position = end + 1
        let text = UnsafeBufferPointer(rebasing: bytes[start..<end])
        // Only ASCII needs no check, and this way to a string is the faster one.
        if plain.isASCII { return String(decoding: text, as: UTF8.self) }
        guard let string = String(validating: text, as: UTF8.self) else { throw invalidUTF8(from: start, to: end) }
        return string
    }

    /// Looks for the next quote, backslash or control character, eight bytes at a time.
    ///
    /// - Returns: Its index, and whether all before it is ASCII.
    @inline(__always)
    func plainText(from start: Int) -> (end: Int, isASCII: Bool) {
        var index = start
        var seen: UInt64 = 0
        guard let base = UnsafeRawPointer(bytes.baseAddress) else { return (index, true) }
        while index + 8 <= bytes.count {
            let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let found = JSONText.specialBytes(word)
            guard found == 0 else {
                let bits = found.trailingZeroBitCount & ~7
                return (index + bits / 8, (seen | word & ((1 << bits) - 1)) & JSONText.highBits == 0)
            }
            seen |= word
            index += 8
        }
        while index < bytes.count, !JSONText.isSpecial(bytes[index]) {
            seen |= UInt64(bytes[index])
            index += 1
        }
        return (index, seen & JSONText.highBits == 0)
    }

    /// Reads the rest of a string that has escapes, or is broken.
    mutating func parseEscapedString(from start: Int, to firstSpecial: Int) throws(Failure) -> String {
        unescaped.removeAll(keepingCapacity: true)
        var plainStart = start
        position = firstSpecial
        while true {
            guard position < bytes.count else { throw failure(.unterminatedString) }
            unescaped.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[plainStart..<position]))
            if bytes[position] == UInt8(ascii: "\"") { break }
            guard bytes[position] == UInt8(ascii: "\\") else { throw failure(.controlCharacter) }
            try parseEscape()
            plainStart = position
            position = plainText(from: position).end
        }
        let end = position
        position += 1
        let string = unescaped.withUnsafeBufferPointer { String(validating: $0, as: UTF8.self) }
        guard let string else { throw invalidUTF8(from: start, to: end) }
        return string
    }

    /// Finds the byte at which a string stops being UTF-8.
    func invalidUTF8(from start: Int, to end: Int) -> Failure {
        var decoder = UTF8()
        var iterator = bytes[start..<end].makeIterator()
        var offset = start
        while case .scalarValue(let scalar) = decoder.decode(&iterator) {
            offset += UTF8.width(scalar)
        }
        return Failure(problem: .invalidUTF8, offset: offset)
    }
}

// MARK: - Escapes

extension JSONParser {
    /// Reads an escape, of which the backslash is the next byte, and appends what it stands for.
    private mutating func parseEscape() throws(Failure) {
        let start = position
        position += 1
        guard position < bytes.count else { throw failure(.unterminatedString) }
        let kind = bytes[position]
        position += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(kind)
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0C)
        case UInt8(ascii: "n"): unescaped.append(0x0A)
        case UInt8(ascii: "r"): unescaped.append(0x0D)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "u"):
            guard let unit = parseHexDigits() else { throw Failure(problem: .invalidEscape, offset: start) }
            unescaped.append(contentsOf: UTF8.encode(pairing(unit)) ?? UTF8.encodedReplacementCharacter)
        default:
            throw Failure(problem: .invalidEscape, offset: start)
        }
    }

    /// Reads the low half of a surrogate pair after its high half; half a pair becomes U+FFFD.
    private mutating func pairing(_ unit: UInt16) -> Unicode.Scalar {
        if let scalar = Unicode.Scalar(unit) { return scalar }
        let next = position
        if UTF16.isLeadSurrogate(unit), byte == UInt8(ascii: "\\") {
            position += 1
            if byte == UInt8(ascii: "u") {
                position += 1
                if let low = parseHexDigits(), UTF16.isTrailSurrogate(low) {
                    let bits = UInt32(unit & 0x3FF) << 10 | UInt32(low & 0x3FF)
                    return Unicode.Scalar(0x10000 + bits) ?? "\u{FFFD}"
                }
            }
        }
        position = next
        return "\u{FFFD}"
    }

    private mutating func parseHexDigits() -> UInt16? {
        guard bytes.count - position >= 4 else { return nil }
        var unit: UInt16 = 0
        for index in position..<(position + 4) {
            guard let digit = JSONText.hexDigit(bytes[index]) else { return nil }
            unit = unit << 4 | digit
        }
        position += 4
        return unit
    }
}
