/// A message of a WebSocket connection (RFC 6455 §5.6).
public enum WebSocketMessage: Sendable, Equatable {
    /// A text message, valid UTF-8.
    case text(String)
    /// A binary message.
    case binary([UInt8])
}

/// One side of an open WebSocket connection; messages are pulled, so back-pressure reaches the peer.
public protocol WebSocket: Sendable {
    /// The next message, `nil` once the connection is closed; pings are answered by the host.
    ///
    /// - Throws: `CancellationError`, or an error when the connection broke without a close frame.
    func receive() async throws -> WebSocketMessage?
    /// Sends a message and waits until it is handed to the socket or buffered below the limit.
    ///
    /// - Throws: when the connection is closed.
    func send(_ message: WebSocketMessage) async throws
    /// Bytes that were sent but not yet taken by the socket.
    var bufferedBytes: Int { get }
    /// Starts the closing handshake; safe to call twice.
    func close(code: UInt16, reason: String) async
}

/// What a route says to an upgrade it accepts.
public struct WebSocketAcceptance: Sendable {
    /// The chosen subprotocol, if the client offered one that fits.
    public var subprotocol: String?
    /// Extra header fields of the 101 answer.
    public var headers: HTTPFields
    /// The largest message taken from the peer, in bytes; larger ones close with 1009.
    public var maximumMessageSize: Int

    /// Accepts an upgrade.
    public init(subprotocol: String? = nil, headers: HTTPFields = [:], maximumMessageSize: Int = 4 << 20) {
        self.subprotocol = subprotocol
        self.headers = headers
        self.maximumMessageSize = maximumMessageSize
    }
}
