import Synchronization

/// A call that many want at the same time and that is made once: whoever comes while it runs gets its result too.
///
/// Who is cancelled waits no longer; the call itself goes on, so it must have a limit of its own.
public final class JoinedCall<Value: Sendable>: Sendable {
    private struct State {
        /// Those who wait, by ticket.
        var waiting: [UInt: CheckedContinuation<Value, any Error>] = [:]
        var ticket: UInt = 0
        var isRunning = false
    }

    private let state = Mutex(State())

    /// Makes one that nobody waits for yet.
    public init() {}

    /// Makes the call, or waits for the one that runs.
    ///
    /// - Throws: what the call throws; `CancellationError`.
    public func run(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let ticket = state.withLock { state in
            state.ticket &+= 1
            return state.ticket
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { join($0, ticket, body) }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: ticket) }?.resume(throwing: CancellationError())
        }
    }

    private func join(
        _ continuation: CheckedContinuation<Value, any Error>, _ ticket: UInt,
        _ body: @escaping @Sendable () async throws -> Value
    ) {
        let (isCancelled, isFirst) = state.withLock { state in
            // One that was cancelled before would never be resumed.
            if Task.isCancelled { return (true, false) }
            defer { state.isRunning = true }
            state.waiting[ticket] = continuation
            return (false, !state.isRunning)
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
        if isFirst { Task { await make(body) } }
    }

    private func make(_ body: @Sendable () async throws -> Value) async {
        let result: Result<Value, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        let waiting = state.withLock { state in
            defer { (state.waiting, state.isRunning) = ([:], false) }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume(with: result) }
    }
}
