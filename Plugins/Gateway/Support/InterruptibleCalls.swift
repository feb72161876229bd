import Synchronization

/// Calls that can be broken off from outside, by what they wait for.
final class InterruptibleCalls: Sendable {
    private struct State {
        var next = 0
        var calls: [String: [Int: @Sendable () -> Void]] = [:]
    }

    private let state = Mutex(State())

    /// Runs a call that waits for something of a name.
    ///
    /// - Returns: `nil` when it was broken off.
    /// - Throws: what the call throws.
    func run<T: Sendable>(_ name: String, _ body: @escaping @Sendable () async throws -> T) async throws -> T? {
        let call = Task { try await body() }
        let key = state.withLock { state in
            state.next += 1
            state.calls[name, default: [:]][state.next] = { call.cancel() }
            return state.next
        }
        defer {
            state.withLock { state in
                state.calls[name]?[key] = nil
                if state.calls[name]?.isEmpty ?? false { state.calls[name] = nil }
            }
        }
        do {
            return try await withTaskCancellationHandler {
                try await call.value
            } onCancel: {
                call.cancel()
            }
        } catch is CancellationError where !Task.isCancelled {
            return nil
        }
    }

    /// Breaks off the calls that wait for something of a name; all calls when no name is given.
    func interrupt(_ name: String? = nil) {
        let calls = state.withLock { state -> [@Sendable () -> Void] in
            guard let name else { return state.calls.values.flatMap { Array($0.values) } }
            return state.calls[name].map { Array($0.values) } ?? []
        }
        for cancel in calls { cancel() }
    }
}
