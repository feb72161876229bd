/// Why a WebSocket connection cannot be used any more.
package enum WebSocketError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The closing handshake has begun; nothing more can be sent.
    case closed
    /// The stream ended, or broke, without a close frame.
    case broken
    /// The peer broke the protocol (1002), sent bytes that are no text (1007) or too large a message (1009).
    case violation(code: UInt16)
    /// The peer takes messages too slowly; closed with 1013.
    case overflow
    /// The peer answered nothing for two ping periods.
    case silent

    /// The reason in words.
    package var description: String {
        switch self {
        case .closed: "the WebSocket is closed"
        case .broken: "the WebSocket broke without a close frame"
        case .violation(let code): "the WebSocket was closed with \(code) because of what the peer sent"
        case .overflow: "the WebSocket was closed because the peer takes messages too slowly"
        case .silent: "the WebSocket's peer does not answer"
        }
    }
}
