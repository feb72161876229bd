/// Why and where a text is not the JSON that was asked for.
public struct JSONParseError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, in lower case and without a final period.
    public var message: String
    /// The byte at which it was noticed, from 0.
    public var offset: Int
    /// The line of that byte, from 1; a line ends with a line feed.
    public var line: Int
    /// The column of that byte in its line, from 1, counted in Unicode scalars.
    public var column: Int

    /// Makes an error from its parts.
    public init(message: String, offset: Int, line: Int, column: Int) {
        self.message = message
        self.offset = offset
        self.line = line
        self.column = column
    }

    /// Works out line and column by reading the text up to the offset.
    init(message: String, offset: Int, in bytes: UnsafeBufferPointer<UInt8>) {
        var line = 1
        var column = 1
        for byte in bytes.prefix(offset) {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        self.init(message: message, offset: offset, line: line, column: column)
    }

    /// Message and place, such as `expected a value at line 2, column 7`.
    public var description: String {
        "\(message) at line \(line), column \(column)"
    }
}
