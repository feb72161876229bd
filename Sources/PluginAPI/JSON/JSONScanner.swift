/// Walks over one JSON text without making values of it, so that its parts can be passed on byte for byte.
///
/// All that it steps over is checked as `JSON.init(parsing:options:)` does, with one exception: equal keys of an object
/// that is skipped are not noticed. A walk that returns from ``end()`` has seen a whole, valid text.
///
/// Source: RFC 8259.
public struct JSONScanner: ~Copyable {
    /// What a value is, told by its first byte; the rest of it is not checked.
    public enum Kind: Sendable, Hashable {
        /// An object.
        case object
        /// An array.
        case array
        /// A string.
        case string
        /// A number, `true`, `false`, `null`, or nothing legal.
        case other
    }

    private var parser: JSONParser
    private var depth = 0
    private var isFirst = false
    private var open: [Bool] = []

    /// Starts before the text's value.
    ///
    /// - Parameter bytes: The whole text, which must stay in place as long as the scanner lives.
    public init(_ bytes: UnsafeBufferPointer<UInt8>, options: JSONParseOptions = JSONParseOptions()) {
        parser = JSONParser(bytes, options: options)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { parser.position = 3 }
    }

    /// The index up to which the text was walked over.
    public var position: Int { parser.position }

    /// What the next value is; asking goes over the white space before it.
    public var kind: Kind {
        mutating get {
            parser.skipWhitespace()
            switch parser.byte {
            case UInt8(ascii: "{"): return .object
            case UInt8(ascii: "["): return .array
            case UInt8(ascii: "\""): return .string
            default: return .other
            }
        }
    }

    /// Enters an object; ``nextKey()`` walks over its members.
    ///
    /// - Throws: `JSONParseError` when the next value is none.
    public mutating func beginObject() throws(JSONParseError) {
        try begin(UInt8(ascii: "{"))
    }

    /// Enters an array; ``nextElement()`` walks over its elements.
    ///
    /// - Throws: `JSONParseError` when the next value is none.
    public mutating func beginArray() throws(JSONParseError) {
        try begin(UInt8(ascii: "["))
    }

    /// Goes to the value of the object's next member and gives its key; leaves the object and gives `nil` after the last.
    ///
    /// - Throws: `JSONParseError`.
    public mutating func nextKey() throws(JSONParseError) -> String? {
        guard try next(UInt8(ascii: "}"), .expectedCommaOrBrace) else { return nil }
        do throws(JSONParser.Failure) {
            parser.skipWhitespace()
            guard parser.byte == UInt8(ascii: "\"") else { throw parser.failure(.expectedKey) }
            parser.position += 1
            let key = try parser.parseString()
            parser.skipWhitespace()
            guard parser.byte == UInt8(ascii: ":") else { throw parser.failure(.expectedColon) }
            parser.position += 1
            return key
        } catch {
            throw told(error)
        }
    }

    /// Goes to the array's next element; leaves the array and gives `false` after the last.
    ///
    /// - Throws: `JSONParseError`.
    public mutating func nextElement() throws(JSONParseError) -> Bool {
        try next(UInt8(ascii: "]"), .expectedCommaOrBracket)
    }

    /// Steps over the next value, whatever it is, and gives its place in the text.
    ///
    /// - Throws: `JSONParseError`.
    @discardableResult
    public mutating func skip() throws(JSONParseError) -> Range<Int> {
        parser.skipWhitespace()
        let start = parser.position
        do throws(JSONParser.Failure) {
            try parser.skipValue(depth: depth, &open)
        } catch {
            open = []
            throw told(error)
        }
        return start..<parser.position
    }

    /// Makes sure that nothing but white space follows.
    ///
    /// - Throws: `JSONParseError`.
    public mutating func end() throws(JSONParseError) {
        parser.skipWhitespace()
        guard depth == 0, parser.position == parser.bytes.count else { throw told(parser.failure(.trailingContent)) }
    }

    private mutating func begin(_ bracket: UInt8) throws(JSONParseError) {
        parser.skipWhitespace()
        guard parser.byte == bracket else { throw told(parser.failure(.expectedValue)) }
        guard depth < parser.options.maximumDepth else { throw told(parser.failure(.tooDeep)) }
        parser.position += 1
        depth += 1
        isFirst = true
    }

    /// Goes over a comma, or out of a container that ends.
    private mutating func next(_ bracket: UInt8, _ problem: JSONParser.Problem) throws(JSONParseError) -> Bool {
        parser.skipWhitespace()
        let wasFirst = isFirst
        isFirst = false
        if parser.byte == bracket {
            parser.position += 1
            depth -= 1
            return false
        }
        if wasFirst { return true }
        guard parser.byte == UInt8(ascii: ",") else { throw told(parser.failure(problem)) }
        parser.position += 1
        return true
    }

    private func told(_ failure: JSONParser.Failure) -> JSONParseError {
        JSONParseError(failure, parser.options, in: parser.bytes)
    }
}
