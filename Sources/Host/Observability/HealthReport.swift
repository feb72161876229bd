package import PluginAPI

/// What the host knows of one plugin's health, and the checks that it declared.
package struct PluginHealth: Sendable {
    /// The plugin's name.
    package var plugin: String
    /// What the host itself knows: a start that failed, a service that keeps failing.
    package var state: HealthStatus
    /// The declared checks.
    package var checks: [HealthDeclaration]

    /// Makes an entry.
    package init(plugin: String, state: HealthStatus = .healthy, checks: [HealthDeclaration] = []) {
        self.plugin = plugin
        self.state = state
        self.checks = checks
    }
}

/// The answer of `/health/ready`.
package struct HealthReport: Sendable, Equatable {
    /// The result of one check.
    package struct Check: Sendable, Equatable {
        package var name: String
        package var status: HealthStatus
        package var affectsReadiness: Bool
    }

    /// The result of one plugin.
    package struct Entry: Sendable, Equatable {
        package var plugin: String
        package var state: HealthStatus
        package var checks: [Check]
    }

    /// Why the daemon as a whole is not ready, such as `starting`.
    package var reason: String?
    /// One entry per plugin.
    package var plugins: [Entry]

    /// Whether requests should be sent here.
    package var isReady: Bool {
        reason == nil
            && plugins.allSatisfy { plugin in
                !plugin.state.isFailing && !plugin.checks.contains { $0.affectsReadiness && $0.status.isFailing }
            }
    }

    /// `{"status": "ok" | "degraded" | "failing", "reason"?, "plugins": {name: {"status", "reason"?, "checks"}}}`.
    package var json: JSON {
        let statuses = plugins.flatMap { [$0.state] + $0.checks.map(\.status) }
        let isWell = statuses.allSatisfy { $0 == .healthy }
        var body: JSONObject = ["status": isReady ? (isWell ? "ok" : "degraded") : "failing"]
        body["reason"] = reason.map { .string($0) }
        body["plugins"] = .object(JSONObject(plugins.map { ($0.plugin, Self.json($0)) }))
        return .object(body)
    }

    private static func json(_ entry: Entry) -> JSON {
        var body = entry.state.json
        body["checks"] = .object(
            JSONObject(
                entry.checks.map { check in
                    var body = check.status.json
                    body["affects"] = check.affectsReadiness ? "readiness" : "information"
                    return (check.name, .object(body))
                }))
        return .object(body)
    }
}

extension HealthStatus {
    fileprivate var isFailing: Bool {
        if case .failing = self { return true }
        return false
    }

    fileprivate var json: JSONObject {
        switch self {
        case .healthy: ["status": "healthy"]
        case .degraded(let reason): ["status": "degraded", "reason": .string(reason)]
        case .failing(let reason): ["status": "failing", "reason": .string(reason)]
        @unknown default: ["status": "unknown"]
        }
    }
}
