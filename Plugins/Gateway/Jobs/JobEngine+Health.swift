import PluginAPI

extension JobEngine {
    /// Degraded when no worker can be used, or some cannot.
    var health: HealthStatus {
        let enabled = pool.members.filter(\.worker.enabled)
        guard !enabled.isEmpty else { return .degraded("no worker is registered and enabled") }
        let problems = [
            ("do not answer", enabled.filter { !$0.health.isHealthy && !$0.stall.isStalled }),
            ("have a queue that stands still", enabled.filter { !$0.health.isHealthy && $0.stall.isStalled }),
            ("failed too many jobs (circuit breaker)", enabled.filter { $0.breaker.state != .closed }),
        ]
        let words = problems.filter { !$0.1.isEmpty }.map { problem, failing in
            let names = failing.prefix(5).map { "\"\($0.worker.name)\"" }.joined(separator: ", ")
            let rest = failing.count > 5 ? " and \(failing.count - 5) more" : ""
            return "\(failing.count) of \(enabled.count) workers \(problem): \(names)\(rest)"
        }
        return words.isEmpty ? .healthy : .degraded(words.joined(separator: "; "))
    }
}
