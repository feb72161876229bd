package import PluginAPI
import Synchronization

/// One end of a WebSocket connection that never leaves the process.
package final class MemoryWebSocket: WebSocket {
    private struct State {
        var messages: [WebSocketMessage] = []
        var isClosed = false
        var closeCode: UInt16?
        var receiver: CheckedContinuation<WebSocketMessage?, any Error>?
    }

    private let inbox = Mutex(State())
    /// The other end; set once, before either end is given away.
    private let peer = Mutex<Peer?>(nil)

    /// Breaks the circle of two ends that hold each other.
    private struct Peer {
        weak var socket: MemoryWebSocket?
    }

    private init() {}

    deinit {
        // As when a peer's process ends: no handshake.
        peer.withLock { $0?.socket }?.shut(1006)
    }

    /// Makes both ends; an end that is released breaks the connection.
    package static func pair() -> (MemoryWebSocket, MemoryWebSocket) {
        let ends = (MemoryWebSocket(), MemoryWebSocket())
        ends.0.peer.withLock { $0 = Peer(socket: ends.1) }
        ends.1.peer.withLock { $0 = Peer(socket: ends.0) }
        return ends
    }

    package func receive() async throws -> WebSocketMessage? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = inbox.withLock { state -> Result<WebSocketMessage?, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if !state.messages.isEmpty { return .success(state.messages.removeFirst()) }
                    if state.isClosed { return .success(nil) }
                    state.receiver = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            takeReceiver()?.resume(throwing: CancellationError())
        }
    }

    package func send(_ message: WebSocketMessage) async throws {
        guard let peer = peer.withLock({ $0?.socket }), peer.deliver(message) else {
            throw TestHostError("the WebSocket is closed")
        }
    }

    package var bufferedBytes: Int { 0 }

    package func close(code: UInt16, reason: String) async {
        let peer = peer.withLock { $0?.socket }
        peer?.shut(code)
        shut(nil)
    }

    /// The code that the other end closed with.
    package var closeCode: UInt16? { inbox.withLock { $0.closeCode } }

    private func takeReceiver() -> CheckedContinuation<WebSocketMessage?, any Error>? {
        inbox.withLock { state in
            defer { state.receiver = nil }
            return state.receiver
        }
    }

    private func deliver(_ message: WebSocketMessage) -> Bool {
        let (isOpen, receiver) = inbox.withLock { state in
            guard !state.isClosed else { return (false, CheckedContinuation<WebSocketMessage?, any Error>?.none) }
            defer { state.receiver = nil }
            if state.receiver == nil { state.messages.append(message) }
            return (true, state.receiver)
        }
        receiver?.resume(returning: message)
        return isOpen
    }

    private func shut(_ code: UInt16?) {
        let receiver = inbox.withLock { state in
            state.isClosed = true
            state.closeCode = state.closeCode ?? code
            defer { state.receiver = nil }
            return state.receiver
        }
        receiver?.resume(returning: nil)
    }
}
