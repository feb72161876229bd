import PluginAPI
import Synchronization

/// The body of a request on its way from the connection's loop to the task that reads it.
///
/// The loop appends, one task reads; both sides may be on different threads when a handler reads elsewhere.
final class RequestBodyStream: Sendable {
    private struct State {
        var pieces: [[UInt8]] = []
        var buffered = 0
        var isWanted = false
        var isPaused = false
        var end: Result<Void, any Error>?
        var waiter: Waiter<[UInt8]?>?
    }

    private let limit: Int
    private let state = Mutex(State())
    private let wake: @Sendable () -> Void

    /// Makes an empty stream; `wake` is called from any thread when the connection should go on reading.
    init(limit: Int, wake: @escaping @Sendable () -> Void) {
        self.limit = max(1, limit)
        self.wake = wake
    }

    /// Whether the handler has asked for the first piece.
    var isWanted: Bool { state.withLock { $0.isWanted } }

    /// Whether the loop must not append until ``wake`` is called.
    var isPaused: Bool { state.withLock { $0.isPaused } }

    /// Takes a piece; false when the connection must pause.
    func append(_ piece: [UInt8]) -> Bool {
        let (waiter, hasRoom): (Waiter<[UInt8]?>?, Bool) = state.withLock { state in
            if state.end != nil { return (nil, true) }
            if let waiter = state.waiter {
                state.waiter = nil
                return (waiter, true)
            }
            Self.store(piece, &state)
            return (nil, !pauseIfFull(&state))
        }
        guard let waiter, !waiter.finish(.success(piece)) else { return hasRoom }
        // The reader was cancelled in the meantime; another reader may come.
        return state.withLock { state in
            Self.store(piece, &state)
            return !pauseIfFull(&state)
        }
    }

    /// Says that no more will come: the body is complete, or reading on must fail.
    ///
    /// The first call counts.
    func finish(_ end: Result<Void, any Error>) {
        let waiter: Waiter<[UInt8]?>? = state.withLock { state in
            guard state.end == nil else { return nil }
            state.end = end
            if case .failure = end {
                state.pieces = []
                state.buffered = 0
            }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.finish(end.map { nil })
    }

    /// The next piece, `nil` at the end.
    ///
    /// - Throws: what ``finish(_:)`` was given; `CancellationError`.
    func next() async throws -> [UInt8]? {
        try Task.checkCancellation()
        let waiter = Waiter<[UInt8]?>()
        let (result, mustWake): (Result<[UInt8]?, any Error>?, Bool) = state.withLock { state in
            let wasWanted = state.isWanted
            state.isWanted = true
            if !state.pieces.isEmpty {
                let piece = state.pieces.removeFirst()
                state.buffered -= piece.count
                let goOn = state.isPaused && state.buffered <= limit / 2
                if goOn { state.isPaused = false }
                return (.success(piece), goOn)
            }
            if let end = state.end { return (end.map { nil }, false) }
            state.waiter = waiter
            let goOn = !wasWanted || state.isPaused
            state.isPaused = false
            return (nil, goOn)
        }
        if mustWake { wake() }
        guard let result else { return try await waiter.wait() }
        return try result.get()
    }

    private static func store(_ piece: [UInt8], _ state: inout State) {
        state.pieces.append(piece)
        state.buffered += piece.count
    }

    private func pauseIfFull(_ state: inout State) -> Bool {
        guard state.buffered >= limit else { return false }
        state.isPaused = true
        return true
    }
}
