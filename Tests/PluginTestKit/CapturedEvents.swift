package import PluginAPI
import Synchronization

/// Keeps published events, and hands them to the plugin's own subscriptions when a test says so.
package final class CapturedEvents: EventBus {
    private struct State {
        var events: [any Event] = []
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    /// Makes a bus.
    package init() {}

    /// Everything published so far.
    package var all: [any Event] { state.withLock { $0.events } }

    /// What was published of one type.
    package func events<E: Event>(_ type: E.Type = E.self) -> [E] {
        all.compactMap { $0 as? E }
    }

    package func publish(_ event: some Event) {
        let ready = state.withLock { state in
            state.events.append(event)
            return Self.takeReady(&state)
        }
        for watcher in ready { watcher.resume() }
    }

    /// Waits until so many events were published.
    package func waitForEvents(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state in
                state.watchers.append((count, continuation))
                return Self.takeReady(&state)
            }
            for watcher in ready { watcher.resume() }
        }
    }

    private static func takeReady(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        let count = state.events.count
        let ready = state.watchers.filter { $0.count <= count }.map(\.continuation)
        state.watchers.removeAll { $0.count <= count }
        return ready
    }
}
