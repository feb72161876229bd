import PluginAPI

/// The events of one server, in order; ends when the connection closes.
///
/// Read it without pause: a reader that stops blocks the events of all clients of that server. Iterate once.
public struct ComfyEventStream: AsyncSequence, Sendable {
    /// An event.
    public typealias Element = ComfyEvent

    private let socket: any WebSocket

    init(_ socket: any WebSocket) {
        self.socket = socket
    }

    /// Starts reading.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(socket: socket)
    }

    /// Closes the connection.
    public func close() async {
        await socket.close(code: 1000, reason: "")
    }

    /// Gives the events in order; frames that cannot be understood are skipped.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let socket: any WebSocket

        /// The next event, `nil` once the connection is closed.
        ///
        /// - Throws: `CancellationError`, or an error when the connection broke.
        public mutating func next() async throws -> ComfyEvent? {
            while let message = try await socket.receive() {
                let event =
                    switch message {
                    case .text(let text): ComfyEvent(text: text)
                    case .binary(let bytes): ComfyEvent(binary: bytes)
                    @unknown default: nil as ComfyEvent?
                    }
                if let event { return event }
            }
            return nil
        }
    }
}
