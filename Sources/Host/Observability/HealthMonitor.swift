package import PluginAPI
import Synchronization

/// Runs the plugins' health checks side by side, each with a limit, and keeps the result for a moment.
package final class HealthMonitor: Sendable {
    /// What the daemon is doing.
    package enum Phase: Sendable {
        /// Plugins are starting; not ready.
        case starting
        /// Requests are served.
        case running
        /// About to end; not ready, while requests are still answered.
        case stopping
    }

    private struct State {
        var phase = Phase.running
        var cached: (report: HealthReport, until: Instant)?
        var current: Task<HealthReport, Never>?
        /// Checks that have not returned, though their limit may have passed.
        var unfinished: Set<String> = []
    }

    private let plugins: @Sendable () -> [PluginHealth]
    private let clock: any TimeSource
    private let timeout: Duration
    private let lifetime: Duration
    private let state = Mutex(State())

    /// Makes a monitor; `plugins` is asked for each report.
    package init(
        clock: any TimeSource, timeout: Duration = .seconds(2), cachedFor lifetime: Duration = .seconds(1),
        plugins: @escaping @Sendable () -> [PluginHealth]
    ) {
        self.clock = clock
        self.timeout = timeout
        self.lifetime = lifetime
        self.plugins = plugins
    }

    /// What the daemon is doing; takes effect at once.
    package var phase: Phase {
        get { state.withLock { $0.phase } }
        set { state.withLock { $0.phase = newValue } }
    }

    /// The health now, or of a moment ago; callers at the same time share one run.
    package func report() async -> HealthReport {
        let now = clock.now
        let (phase, cached, task) = state.withLock { state -> (Phase, HealthReport?, Task<HealthReport, Never>?) in
            if let cached = state.cached, now < cached.until { return (state.phase, cached.report, nil) }
            if let current = state.current { return (state.phase, nil, current) }
            let task = Task { await self.run() }
            state.current = task
            return (state.phase, nil, task)
        }
        var report = HealthReport(reason: nil, plugins: [])
        if let cached { report = cached } else if let task { report = await task.value }
        switch phase {
        case .starting: report.reason = "starting"
        case .running: break
        case .stopping: report.reason = "stopping"
        }
        return report
    }

    private func run() async -> HealthReport {
        let plugins = plugins()
        let results = await withTaskGroup(of: (Int, Int, HealthStatus).self) { group in
            for (place, plugin) in plugins.enumerated() {
                for (number, check) in plugin.checks.enumerated() {
                    group.addTask { (place, number, await self.status(of: check, plugin.plugin)) }
                }
            }
            var results: [[Int: HealthStatus]] = plugins.map { _ in [:] }
            for await (place, number, status) in group { results[place][number] = status }
            return results
        }
        let entries = zip(plugins, results).map { plugin, results in
            HealthReport.Entry(
                plugin: plugin.plugin, state: plugin.state,
                checks: plugin.checks.enumerated().map { number, check in
                    HealthReport.Check(
                        name: check.name, status: results[number] ?? .healthy,
                        affectsReadiness: check.scope == .readiness)
                })
        }
        let report = HealthReport(reason: nil, plugins: entries)
        let until = clock.now.advanced(by: lifetime)
        state.withLock { state in
            state.cached = (report, until)
            state.current = nil
        }
        return report
    }

    /// One check's result, at the latest after the limit; a check that hangs is not started a second time.
    private func status(of check: HealthDeclaration, _ plugin: String) async -> HealthStatus {
        let key = "\(plugin)/\(check.name)"
        guard state.withLock({ $0.unfinished.insert(key).inserted }) else {
            return .failing("the check has not returned")
        }
        let first = FirstResult()
        return await withCheckedContinuation { continuation in
            first.start(continuation)
            let timer = Task {
                guard (try? await self.clock.sleep(for: self.timeout)) != nil else { return }
                first.finish(.failing("the check took longer than \(self.timeout.configText)"))
            }
            Task {
                let status = await check.check()
                self.state.withLock { state in _ = state.unfinished.remove(key) }
                timer.cancel()
                first.finish(status)
            }
        }
    }
}

/// Resumes a continuation with whichever result comes first.
private final class FirstResult: Sendable {
    private let continuation = Mutex<CheckedContinuation<HealthStatus, Never>?>(nil)

    func start(_ continuation: CheckedContinuation<HealthStatus, Never>) {
        self.continuation.withLock { $0 = continuation }
    }

    func finish(_ status: HealthStatus) {
        let continuation = continuation.withLock { stored in
            defer { stored = nil }
            return stored
        }
        continuation?.resume(returning: status)
    }
}
