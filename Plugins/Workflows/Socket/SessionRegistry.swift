import PluginAPI
import Synchronization

/// The open connections: one per client id, and per key where keys see their own prompts only.
final class SessionRegistry: Sendable {
    /// The most connections at a time.
    static let mostSessions = 10_000

    /// Whose connection it is.
    struct Key: Sendable, Hashable {
        /// The client id.
        let clientID: String
        /// The one caller whose prompts may be seen; `nil` for all.
        let limit: String?
    }

    private struct State {
        var sessions: [Key: ClientSession] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Checks that one more connection may be made.
    ///
    /// - Throws: ``HTTPError`` 503 `WEBSOCKET_ERROR`.
    func checkRoom() throws(HTTPError) {
        let isFull = state.withLock { $0.isClosed || $0.sessions.count >= Self.mostSessions }
        guard isFull else { return }
        var error = HTTPError(.serviceUnavailable, .webSocket, "No further connection can be made now.")
        error.headers["Retry-After"] = "5"
        throw error
    }

    /// Adds a connection; one that is there under the same key is closed with 4001.
    func enter(_ session: ClientSession, as key: Key) async {
        let (displaced, isClosed) = state.withLock { state in
            defer { if !state.isClosed { state.sessions[key] = session } }
            return (state.sessions[key], state.isClosed)
        }
        if isClosed { session.close(.restart) }
        guard let displaced else { return }
        displaced.close(.displaced)
        // What it has told has to be on disk before the new one asks what was missed.
        await displaced.hasEnded.wait()
    }

    /// Removes a connection, unless another one has its place by now.
    func leave(_ session: ClientSession, as key: Key) {
        state.withLock { state in
            if state.sessions[key] === session { state.sessions[key] = nil }
        }
    }

    /// Closes all connections, and those that come later: the service stops.
    func closeAll() {
        let sessions = state.withLock { state in
            state.isClosed = true
            return Array(state.sessions.values)
        }
        for session in sessions { session.close(.restart) }
    }
}
