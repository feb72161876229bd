internal import PluginAPI
internal import Synchronization

/// The open sockets by their client id, and the rules of who gets what.
final class SocketHub: Sendable {
    /// For whom a message is.
    enum Audience: Sendable {
        /// All registered sockets.
        case everyone
        /// The submitter; nobody when the job has none.
        case submitter(Submitter)
        /// The submitter; everybody when the job has none.
        case submitterOrEveryone(Submitter)
    }

    private struct State {
        var sockets: [String: SocketConnection] = [:]
        var logReaders: Set<String> = []
        var mode = SimulatorConfiguration.SlowReaders.drop
        /// Messages held back while a slow reader blocks everybody.
        var held: [(Audience, WebSocketMessage)] = []
    }

    /// More held messages than this are lost.
    private static let heldLimit = 100_000

    private let state = Mutex(State())

    /// The number of registered sockets.
    var count: Int {
        state.withLock { $0.sockets.count }
    }

    /// Decides what happens to slow readers.
    func setMode(_ mode: SimulatorConfiguration.SlowReaders) {
        state.withLock { $0.mode = mode }
        flush()
    }

    /// Adds a socket with the messages that greet it.
    ///
    /// One of the same id stays open but gets nothing more.
    func register(_ connection: SocketConnection, greeting: [WebSocketMessage]) {
        state.withLock { state in
            state.sockets[connection.sid] = connection
            for message in greeting { _ = connection.offer(message) }
        }
    }

    /// Removes whatever socket is registered under the id, also a newer one: the real server does the same.
    func unregister(_ sid: String) {
        state.withLock { state in
            state.sockets[sid] = nil
            state.logReaders.remove(sid)
        }
        flush()
    }

    /// Ends all connections.
    func dropAll() {
        let all = state.withLock { state in
            defer { state = State(mode: state.mode) }
            return Array(state.sockets.values)
        }
        for connection in all { connection.drop() }
    }

    /// The socket of a client.
    func socket(of submitter: Submitter) -> SocketConnection? {
        guard case .client(let sid) = submitter else { return nil }
        return state.withLock { $0.sockets[sid] }
    }

    /// Sends a message, which is made only if somebody gets it.
    func send(_ audience: Audience, _ message: @autoclosure () -> WebSocketMessage) {
        let slow = state.withLock { state -> [SocketConnection] in
            let targets = Self.targets(audience, state)
            guard !targets.isEmpty else { return [] }
            let message = message()
            if state.mode == .block, !state.held.isEmpty || targets.contains(where: { !$0.hasRoom }) {
                if state.held.count < Self.heldLimit { state.held.append((audience, message)) }
                return []
            }
            return targets.filter { !$0.offer(message) }
        }
        for connection in slow { connection.drop() }
    }

    /// Sends messages that waited for a slow reader, now that it took one or went away.
    func flush() {
        let slow = state.withLock { state -> [SocketConnection] in
            guard !state.held.isEmpty else { return [] }
            var done = 0
            var slow: [SocketConnection] = []
            for (audience, message) in state.held {
                let targets = Self.targets(audience, state)
                if state.mode == .block, targets.contains(where: { !$0.hasRoom }) { break }
                slow += targets.filter { !$0.offer(message) }
                done += 1
            }
            state.held.removeFirst(done)
            return slow
        }
        for connection in slow { connection.drop() }
    }

    /// Starts or ends the `logs` messages of a client.
    func subscribeToLogs(_ sid: String, _ isOn: Bool) {
        state.withLock { state in
            if isOn, state.sockets[sid] != nil { state.logReaders.insert(sid) } else { state.logReaders.remove(sid) }
        }
    }

    /// The clients that read the log.
    var logReaders: [String] {
        state.withLock { Array($0.logReaders) }
    }

    private static func targets(_ audience: Audience, _ state: State) -> [SocketConnection] {
        switch audience {
        case .everyone, .submitterOrEveryone(.nobody): Array(state.sockets.values)
        case .submitter(.client(let sid)), .submitterOrEveryone(.client(let sid)):
            state.sockets[sid].map { [$0] } ?? []
        default: []
        }
    }
}
