import Host
import PluginAPI
import Synchronization

/// What a plugin declared, without what is not sendable.
struct TestDeclarations: Sendable {
    let migrations: [Migration]
    let provided: [ProvidedCapability]
    let subscriptions: [EventSubscription]
    let services: [ServiceDeclaration]
    let schedules: [ScheduleDeclaration]
    let healthChecks: [HealthDeclaration]

    init(_ setup: PluginSetup) {
        migrations = setup.migrations
        provided = setup.provided
        subscriptions = setup.subscriptions
        services = setup.services
        schedules = setup.schedules
        healthChecks = setup.healthChecks
    }
}

/// The running services, schedules and WebSockets of a plugin.
final class TestTasks: Sendable {
    private let logger: Logger
    private let shutdown = ShutdownLatch()
    private let tasks = Mutex<[Task<Void, Never>]>([])

    init(logger: Logger) {
        self.logger = logger
    }

    func run(_ body: @escaping @Sendable () async -> Void) {
        tasks.withLock { $0.append(Task { await body() }) }
    }

    /// Runs a service once; a failure is logged as an error, it is not restarted.
    func run(_ service: ServiceDeclaration) {
        run { [logger, shutdown] in
            do {
                try await service.run(shutdown)
            } catch is CancellationError {
                return
            } catch {
                logger.error("a service failed", ["service": service.name, "error": "\(error)"])
            }
        }
    }

    /// Repeats a job by the clock, without jitter.
    func run(_ schedule: ScheduleDeclaration, _ clock: any TimeSource) {
        run { [logger, shutdown] in
            _ = try? await shutdown.cancelling {
                while true {
                    try await clock.sleep(for: schedule.interval)
                    do {
                        try await schedule.job()
                    } catch let error where !(error is CancellationError) {
                        logger.error("a job failed", ["job": schedule.name, "error": "\(error)"])
                    }
                }
            }
        }
    }

    /// Tells all to end, waits, and cancels what is still there at the deadline.
    func end(deadline: Duration) async {
        let running = tasks.withLock { $0 }
        let cancel = Task {
            try? await Task.sleep(for: deadline)
            for task in running { task.cancel() }
        }
        if deadline > .zero {
            shutdown.begin()
        } else {
            for task in running { task.cancel() }
        }
        for task in running { await task.value }
        cancel.cancel()
    }
}
