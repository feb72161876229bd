public import PluginAPI
import Synchronization

/// Wakes one waiting loop; wakes that come while nobody waits count as one.
public final class Wakeup: Sendable {
    private struct State {
        var isSet = false
        var waiter: CheckedContinuation<Void, Never>?
        /// Counts the waits that ended, so that a late alarm finds that it is too late.
        var turn: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Makes one that nobody has set.
    public init() {}

    /// Wakes the waiter, now or at its next wait.
    public func set() {
        wake { _ in true }
    }

    private func wake(if isWanted: (UInt64) -> Bool) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard isWanted(state.turn) else { return nil }
            let waiter = state.waiter
            state.waiter = nil
            if waiter == nil { state.isSet = true } else { state.turn &+= 1 }
            return waiter
        }
        waiter?.resume()
    }

    /// Waits for ``set()`` or for the cancellation of the task; only one task may wait.
    public func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = state.withLock { state in
                    if state.isSet || Task.isCancelled {
                        state.isSet = false
                        state.turn &+= 1
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if ready { continuation.resume() }
            }
        } onCancel: {
            set()
        }
    }

    /// Waits, but not longer than a time.
    public func wait(atMost duration: Duration, clock: any TimeSource) async {
        let turn = state.withLock { $0.turn }
        // Monitors of a thousand servers wait here all the time, hence one child task and no group.
        // At the end of its scope it is cancelled.
        async let _ = ring(after: duration, turn, clock)
        await wait()
    }

    /// Ends a wait that has lasted long enough; a later one is not its business.
    private func ring(after duration: Duration, _ turn: UInt64, _ clock: any TimeSource) async {
        guard (try? await clock.sleep(for: duration)) != nil else { return }
        wake { $0 == turn }
    }
}
