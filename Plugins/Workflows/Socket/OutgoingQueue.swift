import PluginAPI
import Synchronization

/// The messages that wait for one connection: whoever adds never waits, and a client that is too slow is found out.
final class OutgoingQueue: Sendable {
    /// How many messages may wait.
    static let mostMessages = 1000
    /// With how many bytes waiting no further message is taken; the last one may be of any size.
    static let mostBytes = 8 << 20

    /// A message that waits.
    struct Item: Sendable {
        /// The frame.
        let text: String
        /// See ``SocketMessage/endOf``.
        let endOf: String?
    }

    private struct State {
        var items: [Item] = []
        var bytes = 0
        var isFinished = false
        var hasOverflown = false
        var reader: CheckedContinuation<Void, Never>?
        var writers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Adds a message.
    ///
    /// - Returns: false for the one message that found the queue full; those after it are dropped.
    func add(_ message: SocketMessage) -> Bool {
        let item = Item(text: message.text, endOf: message.endOf)
        let (isTaken, reader) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            guard !state.isFinished, !state.hasOverflown else { return (true, nil) }
            guard state.items.count < Self.mostMessages, state.bytes < Self.mostBytes else {
                state.hasOverflown = true
                return (false, nil)
            }
            state.items.append(item)
            state.bytes += item.text.utf8.count
            defer { state.reader = nil }
            return (true, state.reader)
        }
        reader?.resume()
        return isTaken
    }

    /// All messages that wait, or the first that comes; `nil` once the queue is finished.
    func next() async -> [Item]? {
        while true {
            let (items, writers) = state.withLock { state -> ([Item]?, [CheckedContinuation<Void, Never>]) in
                guard !state.isFinished else { return (nil, []) }
                defer {
                    state.items = []
                    state.bytes = 0
                    state.writers = []
                }
                return (state.items, state.writers)
            }
            for writer in writers { writer.resume() }
            guard let items else { return nil }
            if !items.isEmpty { return items }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if !state.items.isEmpty || state.isFinished { return true }
                    state.reader = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    /// Whether nothing waits.
    var isEmpty: Bool { state.withLock { $0.items.isEmpty } }

    /// Returns once at most half of the places are taken, or the queue is finished.
    func room() async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                let hasRoom = state.items.count <= Self.mostMessages / 2 && state.bytes <= Self.mostBytes / 2
                if hasRoom || state.isFinished || state.hasOverflown { return true }
                state.writers.append(continuation)
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    /// Drops what waits and takes no more.
    func finish() {
        let waiting = state.withLock { state in
            state.isFinished = true
            state.items = []
            state.bytes = 0
            defer {
                state.reader = nil
                state.writers = []
            }
            return state.writers + [state.reader].compactMap(\.self)
        }
        for continuation in waiting { continuation.resume() }
    }
}
