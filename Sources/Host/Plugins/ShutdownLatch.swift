import PluginAPI
import Synchronization

/// A signal that is given once.
package final class ShutdownLatch: ShutdownSignal {
    private struct State {
        var isShuttingDown = false
        var nextID = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package var isShuttingDown: Bool {
        state.withLock { $0.isShuttingDown }
    }

    /// Gives the signal; safe to call twice.
    package func begin() {
        let waiters = state.withLock { state in
            state.isShuttingDown = true
            defer { state.waiters = [:] }
            return state.waiters.values.map { $0 }
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits for the signal or the task's cancellation.
    package func wait() async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isShuttingDown || Task.isCancelled { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
            waiter?.resume()
        }
    }
}
