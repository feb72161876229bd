package import PluginAPI
import Synchronization

/// Carries events between the plugins of this process; each subscriber has its own bounded queue and task.
package final class LocalEventBus: EventBus {
    private struct Subscriber {
        let id: Int
        let event: String
        let queue: AsyncStream<any Event>.Continuation
    }

    private struct State {
        var subscribers: [Subscriber] = []
        var nextID = 0
    }

    private static let queueLimit = 1024
    private let state = Mutex(State())
    private let dropped: any Counter
    private let logger: Logger

    package init(logger: Logger, metrics: any MetricsFactory) {
        self.logger = logger
        dropped = metrics.counter(
            "events_dropped_total", "Events that a slow subscriber had no room for.", labels: ["event"])
    }

    package func publish(_ event: some Event) {
        let name = type(of: event).name
        let queues = state.withLock { state in state.subscribers.filter { $0.event == name }.map(\.queue) }
        for queue in queues {
            guard case .dropped = queue.yield(event) else { continue }
            dropped.increment(name)
        }
    }

    /// Subscribes a plugin; the subscriptions end when the returned value is cancelled.
    func subscribe(_ subscriptions: [EventSubscription], of plugin: String, on loop: EventLoop) -> EventTasks {
        let tasks = subscriptions.map { subscription in
            let (stream, queue) = AsyncStream.makeStream(
                of: (any Event).self, bufferingPolicy: .bufferingOldest(Self.queueLimit))
            let id = state.withLock { state in
                state.nextID += 1
                state.subscribers.append(Subscriber(id: state.nextID, event: subscription.name, queue: queue))
                return state.nextID
            }
            let logger = logger.with(["plugin": plugin, "event": subscription.name])
            let task = Task(executorPreference: loop) {
                for await event in stream {
                    do {
                        try await subscription.handle(event)
                    } catch {
                        logger.error("event handler failed", ["error": "\(error)"])
                    }
                }
            }
            return (id, queue, task)
        }
        return EventTasks { [self] in
            state.withLock { state in
                state.subscribers.removeAll { subscriber in tasks.contains { $0.0 == subscriber.id } }
            }
            // Finishing lets the task handle what is queued before it ends.
            for (_, queue, _) in tasks { queue.finish() }
            for (_, _, task) in tasks { await task.value }
        }
    }
}

/// The running subscriptions of one plugin.
struct EventTasks: Sendable {
    /// Unsubscribes and waits for events that are already queued.
    let end: @Sendable () async -> Void
}
