package import PluginAPI
import Synchronization

/// Runs the services and schedules of one plugin between its start and its stop.
package final class ServiceRunner: Sendable {
    private struct State {
        var tasks: [Task<Void, Never>] = []
        /// Why a service is not running, by name.
        var failures: [String: String] = [:]
    }

    private let signal = ShutdownLatch()
    private let state = Mutex(State())
    private let clock: any TimeSource
    private let logger: Logger

    package init(clock: any TimeSource, logger: Logger) {
        self.clock = clock
        self.logger = logger
    }

    /// Starts everything; each service and schedule is a task of its own.
    package func start(services: [ServiceDeclaration], schedules: [ScheduleDeclaration], on loops: EventLoopGroup) {
        let tasks =
            services.map { service in
                Task(executorPreference: loops.next()) { await self.run(service) }
            }
            + schedules.map { schedule in
                Task(executorPreference: loops.next()) { await self.run(schedule) }
            }
        state.withLock { $0.tasks += tasks }
    }

    /// The services that failed, with reasons.
    package var failures: [String: String] {
        state.withLock { $0.failures }
    }

    /// Asks all to end, and cancels those that have not after `timeout`; returns when all have, or when those that
    /// were cancelled do not mind.
    package func stop(timeout: Duration) async {
        signal.begin()
        let tasks = state.withLock { state in
            defer { state.tasks = [] }
            return state.tasks
        }
        let all = Task { for task in tasks { await task.value } }
        if await all.ends(within: timeout, clock: clock) { return }
        for task in tasks { task.cancel() }
        if await all.ends(within: Self.grace, clock: clock) { return }
        logger.error("services do not end although they were cancelled")
    }

    /// How long a cancelled service may take to notice.
    private static let grace = Duration.seconds(5)

    private func run(_ service: ServiceDeclaration) async {
        var delay = Duration.milliseconds(250)
        while !signal.isShuttingDown {
            do {
                try await service.run(signal)
                return
            } catch is CancellationError {
                return
            } catch {
                state.withLock { $0.failures[service.name] = "\(error)" }
                logger.error("service failed", ["service": service.name, "error": "\(error)"])
            }
            guard service.restart == .onFailure, await pause(delay) else { return }
            delay = min(delay * 2, .seconds(30))
            state.withLock { $0.failures[service.name] = nil }
        }
    }

    private func run(_ schedule: ScheduleDeclaration) async {
        while !signal.isShuttingDown {
            let share = min(max(schedule.jitter, 0), 1)
            let spread = share > 0 ? Double.random(in: 1 - share...1 + share) : 1
            guard await pause(schedule.interval * spread) else { return }
            do {
                try await schedule.job()
                state.withLock { $0.failures[schedule.name] = nil }
            } catch is CancellationError {
                return
            } catch {
                state.withLock { $0.failures[schedule.name] = "\(error)" }
                logger.warning("scheduled job failed", ["job": schedule.name, "error": "\(error)"])
            }
        }
    }

    /// Waits; false when shutdown began meanwhile.
    private func pause(_ duration: Duration) async -> Bool {
        let clock = clock
        let waited: Bool? = try? await signal.cancelling {
            try await clock.sleep(for: duration)
            return true
        }
        return waited == true && !signal.isShuttingDown
    }
}

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

extension Task where Success == Void, Failure == Never {
    /// Waits for the task, at most so long; false when it still runs.
    func ends(within timeout: Duration, clock: any TimeSource) async -> Bool {
        let end = ShutdownLatch()
        let watch = Task {
            await value
            end.begin()
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await end.wait() }
            group.addTask { try? await clock.sleep(for: timeout) }
            await group.next()
            group.cancelAll()
        }
        withExtendedLifetime(watch) {}
        return end.isShuttingDown
    }
}
