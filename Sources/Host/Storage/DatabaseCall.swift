import PluginAPI
import Synchronization

/// A read or write on its way to a database thread, whatever it returns.
protocol DatabaseWork: AnyObject, Sendable {
    /// Whether it still has to run; from here on it cannot be cancelled.
    func begin() -> Bool
    /// Runs the body and keeps what it returns.
    func run(on connection: any SQLConnection) throws
    /// Answers with what the body returned, or with an error.
    func finish(_ error: (any Error)?)
}

/// A body that runs on a database thread, and the task that waits for it.
final class DatabaseCall<T: Sendable>: DatabaseWork {
    private enum State {
        case new
        case waiting(CheckedContinuation<T, any Error>)
        case begun(CheckedContinuation<T, any Error>, value: T?)
        case done
    }

    private let body: @Sendable (any SQLConnection) throws -> T
    private let state = Mutex(State.new)

    private init(_ body: @escaping @Sendable (any SQLConnection) throws -> T) {
        self.body = body
    }

    /// Hands a body to `submit`, which takes it or says why not, and waits for the answer.
    ///
    /// - Throws: what the body throws; ``DatabaseError``; `CancellationError` when cancelled before it began.
    static func perform(
        _ body: @escaping @Sendable (any SQLConnection) throws -> T,
        submit: @Sendable (any DatabaseWork) -> DatabaseError?
    ) async throws -> T {
        let call = DatabaseCall(body)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard call.wait(continuation) else {
                    continuation.resume(throwing: CancellationError())
                    return
                }
                if let error = submit(call) { call.finish(error) }
            }
        } onCancel: {
            call.cancel()
        }
    }

    private func wait(_ continuation: CheckedContinuation<T, any Error>) -> Bool {
        state.withLock { state in
            guard case .new = state else { return false }
            state = .waiting(continuation)
            return true
        }
    }

    private func cancel() {
        let continuation: CheckedContinuation<T, any Error>? = state.withLock { state in
            switch state {
            case .new:
                state = .done
                return nil
            case .waiting(let continuation):
                state = .done
                return continuation
            case .begun, .done: return nil
            }
        }
        continuation?.resume(throwing: CancellationError())
    }

    func begin() -> Bool {
        state.withLock { state in
            guard case .waiting(let continuation) = state else { return false }
            state = .begun(continuation, value: nil)
            return true
        }
    }

    func run(on connection: any SQLConnection) throws {
        let value = try body(connection)
        state.withLock { state in
            guard case .begun(let continuation, _) = state else { return }
            state = .begun(continuation, value: value)
        }
    }

    func finish(_ error: (any Error)?) {
        let (continuation, value): (CheckedContinuation<T, any Error>?, T?) = state.withLock { state in
            defer { state = .done }
            switch state {
            case .waiting(let continuation): return (continuation, nil)
            case .begun(let continuation, let value): return (continuation, value)
            case .new, .done: return (nil, nil)
            }
        }
        if let value, error == nil {
            continuation?.resume(returning: value)
        } else {
            continuation?.resume(throwing: error ?? DatabaseError(.unavailable, "the call was never run"))
        }
    }
}
