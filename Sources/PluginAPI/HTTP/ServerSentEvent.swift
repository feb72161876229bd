/// One event of a `text/event-stream` (HTML standard, "Server-sent events").
public struct ServerSentEvent: Sendable, Equatable {
    /// The type for which a page listens; `nil` is its `message`.
    public var event: String?
    /// What `Last-Event-ID` brings back when the client connects again.
    public var id: String?
    /// The data; its line breaks arrive as line feeds.
    public var data: String

    /// Makes an event.
    public init(_ data: String, event: String? = nil, id: String? = nil) {
        self.event = event
        self.id = id
        self.data = data
    }

    /// Makes an event with a ``JSON`` value on one line.
    public init(_ data: JSON, event: String? = nil, id: String? = nil) {
        self.init(data.text(.compact), event: event, id: id)
    }

    /// The lines of the stream, with the empty line at the end.
    ///
    /// No value can add a field or an event: each line of the data has its own field, and line breaks and NUL, which
    /// have no place in a type or an id, are left out of them.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        if let event, !event.isEmpty { Self.append("event: ", Self.line(event), to: &bytes) }
        if let id { Self.append("id: ", Self.line(id), to: &bytes) }
        for line in Self.lines(data) { Self.append("data: ", line, to: &bytes) }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// A comment, which clients skip; each line of the text becomes one.
    static func comment(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for line in lines(text) { append(": ", line, to: &bytes) }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    private static func append(_ field: StaticString, _ line: some Sequence<UInt8>, to bytes: inout [UInt8]) {
        bytes += field.withUTF8Buffer { Array($0) }
        bytes += line
        bytes.append(UInt8(ascii: "\n"))
    }

    private static func line(_ text: String) -> [UInt8] {
        text.utf8.filter { $0 != 0 && $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
    }

    /// Splits at CR LF, LF and CR, as the readers of event streams do.
    private static func lines(_ text: String) -> [ArraySlice<UInt8>] {
        let bytes = Array(text.utf8)
        var lines: [ArraySlice<UInt8>] = []
        var start = bytes.startIndex
        while let end = bytes[start...].firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            lines.append(bytes[start..<end])
            start = end + 1
            if bytes[end] == UInt8(ascii: "\r"), bytes[start...].first == UInt8(ascii: "\n") { start += 1 }
        }
        return lines + [bytes[start...]]
    }
}

extension BodyWriter {
    /// Writes one event, whole.
    ///
    /// - Throws: as ``write(_:)``.
    public func send(_ event: ServerSentEvent) async throws {
        try await write(event.bytes)
    }

    /// Writes a comment, which keeps proxies from closing a silent stream.
    ///
    /// - Throws: as ``write(_:)``.
    public func sendComment(_ text: String = "") async throws {
        try await write(ServerSentEvent.comment(text))
    }
}
