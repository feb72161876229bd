/// The answer to a request.
public struct Response: Sendable, ResponseConvertible {
    /// The status code.
    public var status: Status
    /// The header fields; the host adds `Content-Length`, `Date` and `X-Request-Id`.
    public var headers: HTTPFields
    /// The body.
    public var body: ResponseBody

    /// Makes an answer.
    public init(status: Status = .ok, headers: HTTPFields = [:], body: ResponseBody = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// An answer with a ``JSON`` value.
    public static func json(_ value: JSON, status: Status = .ok, style: JSONStyle = .compact) -> Response {
        Response(
            status: status, headers: ["Content-Type": "application/json; charset=utf-8"],
            body: .bytes(value.serialized(style)))
    }

    /// An answer with an encodable value as JSON.
    ///
    /// A literal goes to the overload for ``JSON``; as a `Dictionary` it would forget the order of its keys.
    ///
    /// - Throws: what the value's `encode(to:)` throws.
    @_disfavoredOverload
    public static func json(_ value: some Encodable, status: Status = .ok) throws -> Response {
        json(try JSON(encoding: value), status: status)
    }

    /// An answer with text.
    public static func text(_ text: String, status: Status = .ok, type: String = "text/plain; charset=utf-8")
        -> Response
    {
        Response(status: status, headers: ["Content-Type": type], body: .bytes(Array(text.utf8)))
    }

    /// An answer that streams server-sent events (the `text/event-stream` of the HTML standard).
    ///
    /// The writer is cancelled, also while it waits for something to write, soon after the client went away and when
    /// the plugin or the daemon stops; the stream then ends as if the writer had returned. The header fields keep
    /// proxies from collecting or compressing events.
    public static func events(_ write: @escaping @Sendable (any BodyWriter) async throws -> Void) -> Response {
        Response(
            headers: [
                "Content-Type": "text/event-stream", "Cache-Control": "no-cache, no-transform",
                "X-Accel-Buffering": "no",
            ], body: .stream(length: nil, write))
    }

    /// An answer that streams server-sent events, with a comment each `interval` so that no proxy takes it for dead.
    ///
    /// Comments may come between any two calls of the writer, so each call has whole events, as
    /// ``BodyWriter/send(_:)`` does.
    public static func events(
        keepAlive interval: Duration, clock: any TimeSource,
        _ write: @escaping @Sendable (any BodyWriter) async throws -> Void
    ) -> Response {
        events { writer in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await write(writer) }
                group.addTask {
                    while true {
                        try await clock.sleep(for: interval)
                        try await writer.sendComment()
                    }
                }
                try await group.next()
                group.cancelAll()
            }
        }
    }

    /// Itself.
    public func response(for request: Request) throws -> Response { self }
}

/// The body of an answer.
public enum ResponseBody: Sendable {
    /// No body.
    case empty
    /// Bytes that are already here.
    case bytes([UInt8])
    /// `length` bytes of a file from `offset`; `nil` means up to its end. Read by the host without holding it in memory.
    case file(path: String, offset: Int = 0, length: Int? = nil)
    /// A stream that a closure writes; `length` becomes `Content-Length`, `nil` means chunked.
    /// A closure that throws, or writes fewer bytes than announced, aborts the connection, so that the client sees the truncation.
    case stream(length: Int?, @Sendable (any BodyWriter) async throws -> Void)
}

/// Takes the pieces of a streamed body.
public protocol BodyWriter: Sendable {
    /// Hands over bytes and waits until the socket has room for more.
    ///
    /// - Throws: `CancellationError` when the client went away.
    func write(_ bytes: [UInt8]) async throws
}

/// Anything a handler may return.
public protocol ResponseConvertible: SendableMetatype {
    /// Makes the answer.
    func response(for request: Request) throws -> Response
}

extension String: ResponseConvertible {
    /// The text as `text/plain`.
    public func response(for request: Request) throws -> Response { .text(self) }
}

extension Status: ResponseConvertible {
    /// An empty answer with this status.
    public func response(for request: Request) throws -> Response { Response(status: self) }
}

extension JSON: ResponseConvertible {
    /// The value as `application/json`.
    public func response(for request: Request) throws -> Response { .json(self) }
}

/// An encodable value that a handler may return as JSON.
public protocol ResponseEncodable: Encodable, ResponseConvertible {}

extension ResponseEncodable {
    /// The value as `application/json`.
    public func response(for request: Request) throws -> Response { try .json(self) }
}

extension Array: ResponseConvertible where Element: ResponseEncodable {
    /// The values as one JSON array.
    public func response(for request: Request) throws -> Response { try .json(self) }
}
