import Synchronization

/// One cancellable wait on a loop's timer.
final class Sleeper: Sendable {
    private enum State {
        case waiting
        case suspended(CheckedContinuation<Void, any Error>)
        case ended(cancelled: Bool)
    }

    private let loop: EventLoop
    /// Used on the loop alone, so no two threads touch it.
    private nonisolated(unsafe) var timer: LoopTimer?
    private let state = Mutex(State.waiting)

    init(loop: EventLoop) {
        self.loop = loop
    }

    func wait(_ duration: Duration) async throws {
        try await withCheckedThrowingContinuation { continuation in
            let isCancelled = state.withLock { state in
                if case .ended = state { return true }
                state = .suspended(continuation)
                return false
            }
            if isCancelled {
                continuation.resume(throwing: CancellationError())
                return
            }
            loop.execute {
                guard self.isWaiting else { return }
                self.timer = self.loop.schedule(after: duration) { self.end(cancelled: false) }
            }
        }
    }

    func cancel() {
        end(cancelled: true)
        loop.execute {
            self.timer?.cancel()
            self.timer = nil
        }
    }

    private var isWaiting: Bool {
        state.withLock { state in
            if case .ended = state { return false }
            return true
        }
    }

    private func end(cancelled: Bool) {
        let continuation: CheckedContinuation<Void, any Error>? = state.withLock { state in
            defer { state = .ended(cancelled: cancelled) }
            if case .suspended(let continuation) = state { return continuation }
            return nil
        }
        if cancelled {
            continuation?.resume(throwing: CancellationError())
        } else {
            continuation?.resume()
        }
    }
}
