internal import Synchronization

/// A call that one task makes and others wait for.
final class UploadUnderWay: Sendable {
    private struct State {
        var outcome: Result<Void, any Error>?
        var waiters: [UInt: CheckedContinuation<Void, any Error>] = [:]
        var ticket: UInt = 0
    }

    private let state = Mutex(State())

    /// Ends the wait of all, and of those who come later.
    func finish(_ outcome: Result<Void, any Error>) {
        let waiters = state.withLock { state in
            state.outcome = outcome
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume(with: outcome) }
    }

    /// Waits for the end.
    ///
    /// - Throws: What the call threw; `CancellationError` when the waiting task is cancelled.
    func wait() async throws {
        let ticket = state.withLock { state in
            state.ticket += 1
            return state.ticket
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome = state.withLock { state -> Result<Void, any Error>? in
                    if let outcome = state.outcome { return outcome }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[ticket] = continuation
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: ticket) }?.resume(throwing: CancellationError())
        }
    }
}
