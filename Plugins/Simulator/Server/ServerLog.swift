internal import PluginAPI
internal import Synchronization

/// The last lines of the imitated server's log.
final class ServerLog: Sendable {
    private static let limit = 300

    private let clock: any TimeSource
    private let lines = Mutex<[JSON]>([])

    init(clock: any TimeSource) {
        self.clock = clock
    }

    /// Adds a line and gives it as the `logs` message carries it.
    func add(_ text: String) -> JSON {
        let line: JSON = ["t": .string(String(clock.wallClock.iso8601.dropLast()) + "000"), "m": .string(text + "\n")]
        lines.withLock { lines in
            if lines.count >= Self.limit { lines.removeFirst(lines.count - Self.limit + 1) }
            lines.append(line)
        }
        return line
    }

    /// The lines, oldest first.
    var entries: [JSON] {
        lines.withLock { $0 }
    }

    /// Forgets all lines.
    func clear() {
        lines.withLock { $0.removeAll() }
    }
}

extension SimulatedServer {
    /// Logs a line and sends it to those who read the log.
    func note(_ text: String) {
        let line = log.add(text)
        for reader in hub.logReaders {
            let size: JSON = ["cols": 80, "rows": 24]
            hub.send(.submitter(.client(reader)), SocketMessage.event("logs", ["entries": [line], "size": size]))
        }
    }
}
