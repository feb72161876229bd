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
