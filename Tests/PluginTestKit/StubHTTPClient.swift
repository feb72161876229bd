package import PluginAPI
import Synchronization

/// Answers a plugin's requests to other servers from closures, and keeps what was asked.
package final class StubHTTPClient: HTTPClient {
    /// Gives the answer to a request.
    package typealias Handler = @Sendable (ClientRequest) async throws -> ClientResponse
    /// Gives the plugin's end of a WebSocket, see ``MemoryWebSocket/pair()``.
    package typealias SocketHandler = @Sendable (ClientRequest) async throws -> any WebSocket

    private struct State {
        var handler: Handler
        var socketHandler: SocketHandler
        var requests: [ClientRequest] = []
    }

    private let state: Mutex<State>

    /// Makes a client; without closures every connection is refused.
    package init(
        handler: @escaping Handler = { throw StubHTTPClient.refused($0) },
        socketHandler: @escaping SocketHandler = { throw StubHTTPClient.refused($0) }
    ) {
        state = Mutex(State(handler: handler, socketHandler: socketHandler))
    }

    /// All requests so far, WebSockets included.
    package var requests: [ClientRequest] { state.withLock { $0.requests } }

    /// Answers requests by another closure from now on.
    package func answer(_ handler: @escaping Handler) {
        state.withLock { $0.handler = handler }
    }

    /// Opens WebSockets by another closure from now on.
    package func answerSockets(_ handler: @escaping SocketHandler) {
        state.withLock { $0.socketHandler = handler }
    }

    package func send(_ request: ClientRequest) async throws -> ClientResponse {
        let handler = state.withLock { state in
            state.requests.append(request)
            return state.handler
        }
        return try await handler(request)
    }

    package func webSocket(_ request: ClientRequest) async throws -> any WebSocket {
        let handler = state.withLock { state in
            state.requests.append(request)
            return state.socketHandler
        }
        return try await handler(request)
    }

    /// The error of a server that is not there.
    package static func refused(_ request: ClientRequest) -> HTTPClientError {
        HTTPClientError(.connect, mayHaveBeenProcessed: false, "connect \(request.url): refused")
    }
}

extension ClientResponse {
    /// An answer with JSON.
    package static func json(_ value: JSON, status: Status = .ok) -> ClientResponse {
        ClientResponse(
            status: status, headers: ["Content-Type": "application/json"], body: HTTPBody(value.serialized(.compact)))
    }
}
