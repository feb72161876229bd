extension JSONParser {
    /// Steps over a value and checks it as reading it would; only equal keys of an object pass unseen.
    ///
    /// - Parameters:
    ///   - depth: How many containers are open around it.
    ///   - open: A stack to work with, empty before and after: whether each open container is an object.
    mutating func skipValue(depth: Int, _ open: inout [Bool]) throws(Failure) {
        while true {
            skipWhitespace()
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                try skipString()
            case UInt8(ascii: "{"):
                if try skipOpening("}", depth: depth + open.count) {
                    open.append(true)
                    try skipKey()
                    continue
                }
            case UInt8(ascii: "["):
                if try skipOpening("]", depth: depth + open.count) {
                    open.append(false)
                    continue
                }
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try skipNumber()
            default: _ = try parseWord()
            }
            guard try skipSeparator(&open) else { return }
        }
    }

    /// Steps over what follows a value within open containers, up to the next value.
    ///
    /// - Returns: false when no container is open any more.
    @inline(__always)
    private mutating func skipSeparator(_ open: inout [Bool]) throws(Failure) -> Bool {
        while let isObject = open.last {
            skipWhitespace()
            let separator = byte
            if separator == UInt8(ascii: ",") {
                position += 1
                if isObject { try skipKey() }
                return true
            }
            guard separator == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                throw failure(isObject ? .expectedCommaOrBrace : .expectedCommaOrBracket)
            }
            position += 1
            open.removeLast()
        }
        return false
    }

    /// Steps over the opening bracket of a container, and over the closing one of an empty one.
    ///
    /// - Returns: Whether it has content.
    mutating func skipOpening(_ closing: Unicode.Scalar, depth: Int) throws(Failure) -> Bool {
        guard depth < options.maximumDepth else { throw failure(.tooDeep) }
        position += 1
        skipWhitespace()
        guard byte == UInt8(ascii: closing) else { return true }
        position += 1
        return false
    }

    @inline(__always)
    private mutating func skipKey() throws(Failure) {
        skipWhitespace()
        guard byte == UInt8(ascii: "\"") else { throw failure(.expectedKey) }
        position += 1
        try skipString()
        skipWhitespace()
        guard byte == UInt8(ascii: ":") else { throw failure(.expectedColon) }
        position += 1
    }

    /// Steps over a string after its opening quote.
    @inline(__always)
    private mutating func skipString() throws(Failure) {
        let start = position
        let plain = plainText(from: start)
        guard plain.end < bytes.count, bytes[plain.end] == UInt8(ascii: "\"") else {
            _ = try parseEscapedString(from: start, to: plain.end)
            return
        }
        position = plain.end + 1
        if plain.isASCII { return }
        guard String(validating: UnsafeBufferPointer(rebasing: bytes[start..<plain.end]), as: UTF8.self) != nil else {
            throw invalidUTF8(from: start, to: plain.end)
        }
    }

    @inline(__always)
    private mutating func skipNumber() throws(Failure) {
        let scan = JSONNumberScan(bytes, from: position)
        guard scan.problem == nil else {
            // A word that begins with a minus, or a problem to be told.
            _ = try parseNumber()
            return
        }
        position = scan.end
    }
}
