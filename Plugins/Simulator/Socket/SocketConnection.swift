internal import PluginAPI
internal import Synchronization

/// One open WebSocket: a bounded list of messages to send, and what the client said about itself.
final class SocketConnection: Sendable {
    /// How previews are sent to this client.
    enum Previews: Sendable {
        /// Binary type 1.
        case legacy
        /// Binary type 4.
        case withMetadata
        /// The client's flags were no object: previews fail the job.
        case broken
    }

    private struct State {
        var outbox: [WebSocketMessage] = []
        var next = 0
        var isDropped = false
        var previews = Previews.legacy
    }

    let sid: String
    private let limit: Int
    private let state = Mutex(State())
    private let arrivals = Wakeup()
    private let drops = Wakeup()

    init(sid: String, limit: Int) {
        self.sid = sid
        self.limit = limit
    }

    /// How previews are sent.
    var previews: Previews {
        get { state.withLock { $0.previews } }
        set { state.withLock { $0.previews = newValue } }
    }

    /// Whether another message fits.
    var hasRoom: Bool {
        state.withLock { $0.outbox.count - $0.next < limit || $0.isDropped }
    }

    /// Appends a message; `false` when the list is full.
    func offer(_ message: WebSocketMessage) -> Bool {
        let isTaken = state.withLock { state in
            guard !state.isDropped else { return true }
            guard state.outbox.count - state.next < limit else { return false }
            state.outbox.append(message)
            return true
        }
        if isTaken { arrivals.notify() }
        return isTaken
    }

    /// The next message to send; `nil` once the connection is dropped or the task cancelled.
    func next() async -> WebSocketMessage? {
        while !Task.isCancelled {
            let seen = arrivals.version
            let (message, isDropped) = take()
            if let message { return message }
            if isDropped { return nil }
            await arrivals.wait(after: seen)
        }
        return nil
    }

    /// Ends the connection without ceremony.
    func drop() {
        state.withLock { $0.isDropped = true }
        arrivals.notify()
        drops.notify()
    }

    /// Returns when the connection was dropped, or the task is cancelled.
    func dropped() async {
        while !Task.isCancelled {
            let seen = drops.version
            if state.withLock({ $0.isDropped }) { return }
            await drops.wait(after: seen)
        }
    }

    private func take() -> (WebSocketMessage?, isDropped: Bool) {
        state.withLock { state in
            guard !state.isDropped, state.next < state.outbox.count else { return (nil, state.isDropped) }
            let message = state.outbox[state.next]
            state.next += 1
            if state.next == state.outbox.count {
                state.outbox.removeAll(keepingCapacity: state.next < 256)
                state.next = 0
            } else if state.next > limit {
                state.outbox.removeFirst(state.next)
                state.next = 0
            }
            return (message, false)
        }
    }
}
