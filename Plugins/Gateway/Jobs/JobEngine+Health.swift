import PluginAPI

extension JobEngine {
    /// Degraded when no worker can be used, or some cannot.
    var health: HealthStatus {
        let enabled = pool.members.filter(\.worker.enabled)
        guard !enabled.isEmpty else { return .degraded("no worker is registered and enabled") }
        let failing = enabled.filter { !$0.health.isHealthy }
        guard !failing.isEmpty else { return .healthy }
        let names = failing.prefix(5).map { "\"\($0.worker.name)\"" }.joined(separator: ", ")
        let rest = failing.count > 5 ? " and \(failing.count - 5) more" : ""
        return .degraded("\(failing.count) of \(enabled.count) workers do not answer: \(names)\(rest)")
    }
}
