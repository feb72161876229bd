extension JSON {
    /// Parses one JSON text.
    ///
    /// The grammar is that of RFC 8259, the bytes must be UTF-8, and a byte order mark at the start is skipped. Of equal
    /// keys the last value wins and the first place is kept. The escape of half a surrogate pair, which Python writes
    /// and accepts, becomes U+FFFD, because a Swift string cannot hold it.
    ///
    /// - Parameters:
    ///   - bytes: The whole text, white space around it included.
    ///   - options: Limits, and what is accepted beyond the standard.
    /// - Throws: `JSONParseError`, which says where and why.
    public init(parsing bytes: [UInt8], options: JSONParseOptions = JSONParseOptions()) throws(JSONParseError) {
        let result = bytes.withUnsafeBufferPointer { Self.parse($0, options) }
        self = try result.get()
    }

    /// Parses one JSON text held in a string, as ``init(parsing:options:)-([UInt8],_)`` does.
    ///
    /// - Throws: `JSONParseError`, which says where and why.
    public init(parsing text: String, options: JSONParseOptions = JSONParseOptions()) throws(JSONParseError) {
        var text = text
        let result = text.withUTF8 { Self.parse($0, options) }
        self = try result.get()
    }

    /// Parses one JSON text in memory that somebody else owns; nothing of it is kept.
    ///
    /// - Throws: `JSONParseError`, which says where and why.
    public init(
        parsing buffer: UnsafeBufferPointer<UInt8>, options: JSONParseOptions = JSONParseOptions()
    ) throws(JSONParseError) {
        self = try Self.parse(buffer, options).get()
    }

    private static func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, _ options: JSONParseOptions
    ) -> Result<JSON, JSONParseError> {
        var parser = JSONParser(bytes, options: options)
        do throws(JSONParser.Failure) {
            return .success(try parser.parseDocument())
        } catch {
            return .failure(JSONParseError(error, options, in: bytes))
        }
    }
}
