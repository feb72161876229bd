import PluginAPI
import Synchronization

/// The signal that ends a plugin's services.
final class TestShutdown: ShutdownSignal {
    private struct State {
        var isShuttingDown = false
        var ticket: UInt = 0
        var waiters: [UInt: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    var isShuttingDown: Bool { state.withLock { $0.isShuttingDown } }

    func wait() async {
        let ticket = state.withLock { state in
            state.ticket += 1
            return state.ticket
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isShuttingDown || Task.isCancelled { return true }
                    state.waiters[ticket] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: ticket) }?.resume()
        }
    }

    func begin() {
        let waiters = state.withLock { state in
            state.isShuttingDown = true
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume() }
    }
}
