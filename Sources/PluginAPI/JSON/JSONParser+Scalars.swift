extension JSONParser {
    /// Reads a number; its first byte is a minus or a digit.
    @inline(__always)
    mutating func parseNumber() throws(Failure) -> JSONNumber {
        let start = position
        let scan = JSONNumberScan(bytes, from: start)
        if let problem = scan.problem {
            if options.allowsNonFiniteNumbers, byte == UInt8(ascii: "-") {
                position += 1
                if skip("Infinity") { return JSONNumber(validated: "-Infinity") }
            }
            position = scan.end
            throw failure(problem)
        }
        position = scan.end
        return JSONNumber(
            validated: String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<scan.end]), as: UTF8.self))
    }

    /// Reads `null`, `true` or `false`, and Python's words for numbers where they are allowed.
    mutating func parseWord() throws(Failure) -> JSON {
        if skip("null") { return .null }
        if skip("true") { return .bool(true) }
        if skip("false") { return .bool(false) }
        if options.allowsNonFiniteNumbers {
            if skip("NaN") { return .number(JSONNumber(validated: "NaN")) }
            if skip("Infinity") { return .number(JSONNumber(validated: "Infinity")) }
        }
        throw failure(.expectedValue)
    }

    private mutating func skip(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard bytes.count - position >= count else { return false }
        for place in 0..<count where bytes[position + place] != word.utf8Start[place] { return false }
        position += count
        return true
    }
}
