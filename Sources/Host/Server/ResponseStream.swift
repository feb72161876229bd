import PluginAPI
import Synchronization

/// The body of a streamed answer on its way from the task that writes it to the connection's loop.
final class ResponseStream: BodyWriter {
    /// What the loop gets when it asks for bytes.
    enum Portion {
        case bytes(Int)
        /// Nothing yet; the wake-up closure will be called.
        case starved
        case end
        case failed
    }

    private struct State {
        var pieces: [[UInt8]] = []
        /// Bytes of the first piece that are already taken.
        var offset = 0
        var buffered = 0
        var written = 0
        var isStarved = false
        var end: Result<Void, any Error>?
        var waiters: [Waiter<Void>] = []
    }

    /// Bytes above which a writer waits.
    static let limit = 256 << 10

    private let length: Int?
    private let state = Mutex(State())
    private let wake: @Sendable () -> Void

    /// Makes a stream of `length` bytes; `wake` is called from any thread when a starved connection can go on.
    init(length: Int?, wake: @escaping @Sendable () -> Void) {
        self.length = length
        self.wake = wake
    }

    func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        if bytes.isEmpty { return }
        let waiter = Waiter<Void>()
        let (mustWait, mustWake) = try state.withLock { state in
            if case .failure(let error) = state.end { throw error }
            if state.end != nil { throw CancellationError() }
            if let length, bytes.count > length - state.written { throw ResponseStreamError.tooLong }
            state.pieces.append(bytes)
            state.buffered += bytes.count
            state.written += bytes.count
            let mustWait = state.buffered > Self.limit
            if mustWait { state.waiters.append(waiter) }
            defer { state.isStarved = false }
            return (mustWait, state.isStarved)
        }
        if mustWake { wake() }
        if mustWait { try await waiter.wait() }
    }

    /// Ends the stream.
    ///
    /// Short of its announced length, or with an error, the connection is aborted. The first call counts.
    func finish(_ end: Result<Void, any Error>) {
        let (waiters, mustWake): ([Waiter<Void>], Bool) = state.withLock { state in
            guard state.end == nil else { return ([], false) }
            if let length, case .success = end, state.written < length {
                state.end = .failure(ResponseStreamError.tooShort)
            } else {
                state.end = end
            }
            defer {
                state.waiters = []
                state.isStarved = false
            }
            return (state.waiters, state.isStarved)
        }
        for waiter in waiters { waiter.finish(end) }
        if mustWake { wake() }
    }

    /// Moves bytes out; called on the connection's loop.
    func take(into buffer: UnsafeMutableRawBufferPointer) -> Portion {
        let (portion, waiters): (Portion, [Waiter<Void>]) = state.withLock { state in
            if case .failure = state.end { return (.failed, []) }
            let count = Self.move(&state, into: buffer)
            if count == 0 {
                if state.end != nil { return (.end, []) }
                state.isStarved = true
                return (.starved, [])
            }
            guard state.buffered <= Self.limit / 2 else { return (.bytes(count), []) }
            defer { state.waiters = [] }
            return (.bytes(count), state.waiters)
        }
        for waiter in waiters { waiter.finish(.success(())) }
        return portion
    }

    private static func move(_ state: inout State, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var count = 0
        var used = 0
        while count < buffer.count, used < state.pieces.count {
            let piece = state.pieces[used]
            let part = min(buffer.count - count, piece.count - state.offset)
            piece.withUnsafeBytes { bytes in
                let source = UnsafeRawBufferPointer(rebasing: bytes[state.offset..<state.offset + part])
                UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(from: source)
            }
            count += part
            state.offset += part
            if state.offset == piece.count {
                state.offset = 0
                used += 1
            }
        }
        state.pieces.removeFirst(used)
        state.buffered -= count
        return count
    }
}

/// What a route did wrong while it wrote a streamed answer.
enum ResponseStreamError: Error {
    /// Fewer bytes than announced.
    case tooShort
    /// More bytes than announced.
    case tooLong
}
