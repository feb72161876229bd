import Synchronization

/// One wait of one task for a value that another party brings, or for the task's cancellation: the first wins.
final class Waiter<Value: Sendable>: Sendable {
    private enum State {
        case idle
        case waiting(CheckedContinuation<Value, any Error>)
        case finished(Result<Value, any Error>)
    }

    private let state = Mutex(State.idle)

    /// Waits; called once.
    ///
    /// - Throws: what ``finish(_:)`` brought; `CancellationError`.
    func wait() async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Value, any Error>? = state.withLock { state in
                    if case .finished(let result) = state { return result }
                    state = .waiting(continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            finish(.failure(CancellationError()))
        }
    }

    /// Ends the wait; false when it had ended before, so that the value is still the caller's.
    @discardableResult
    func finish(_ result: Result<Value, any Error>) -> Bool {
        let (continuation, isFirst): (CheckedContinuation<Value, any Error>?, Bool) = state.withLock { state in
            switch state {
            case .finished: return (nil, false)
            case .idle:
                state = .finished(result)
                return (nil, true)
            case .waiting(let continuation):
                state = .finished(result)
                return (continuation, true)
            }
        }
        continuation?.resume(with: result)
        return isFirst
    }
}
