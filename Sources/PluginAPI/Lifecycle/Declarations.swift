/// What the host does when a service ends with an error.
public enum RestartPolicy: Sendable {
    /// Leaves it; health becomes degraded.
    case never
    /// Starts it again with back-off; health is degraded while it keeps failing.
    case onFailure
}

/// Tells a service that the daemon, or its plugin, is about to stop: graceful first, cancellation at the deadline.
public protocol ShutdownSignal: Sendable {
    /// Whether shutdown began.
    var isShuttingDown: Bool { get }
    /// Waits until shutdown begins.
    func wait() async
}

extension ShutdownSignal {
    /// Runs a body that is cancelled when shutdown begins; `nil` when shutdown cut it short.
    public func cancelling<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T? {
        try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask {
                do { return try await body() } catch is CancellationError { return nil }
            }
            group.addTask {
                await self.wait()
                return nil
            }
            let first = try await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}

/// A long-running service.
public struct ServiceDeclaration: Sendable {
    /// Its name, unique in the plugin.
    public let name: String
    /// What happens when it fails.
    public let restart: RestartPolicy
    /// The body.
    public let run: @Sendable (any ShutdownSignal) async throws -> Void
}

/// A repeated job.
public struct ScheduleDeclaration: Sendable {
    /// Its name, unique in the plugin.
    public let name: String
    /// From the end of one run to the start of the next.
    public let interval: Duration
    /// The share of the interval by which starts are spread.
    public let jitter: Double
    /// The body.
    public let job: @Sendable () async throws -> Void

    /// Declares a job; plugins use ``PluginSetup/schedule(_:every:jitter:_:)``.
    public init(name: String, interval: Duration, jitter: Double, job: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.interval = interval
        self.jitter = jitter
        self.job = job
    }
}

/// How a health check counts.
public enum HealthScope: Sendable {
    /// A failing check makes `/health/ready` answer 503.
    case readiness
    /// Only reported.
    case information
}

/// The result of a health check.
public enum HealthStatus: Sendable, Equatable {
    /// All is well.
    case healthy
    /// Works, but someone should look; the reason is shown.
    case degraded(String)
    /// Does not work; the reason is shown.
    case failing(String)
}

/// A declared health check.
public struct HealthDeclaration: Sendable {
    /// Its name, unique in the plugin.
    public let name: String
    /// How it counts.
    public let scope: HealthScope
    /// The check.
    public let check: @Sendable () async -> HealthStatus
}
