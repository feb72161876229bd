package import PluginAPI
import Synchronization

/// What is known of each enabled plugin now; written by the ``PluginManager``, read by anybody at any time.
package final class PluginBoard: Sendable {
    /// Where a plugin is in its life.
    package enum State: Sendable, Equatable {
        case starting
        case running
        /// A start failed and is tried again, with the reason.
        case retrying(String)
        /// A start failed and is not tried again, with the reason.
        case failed(String)
        case stopping
    }

    /// One plugin.
    package struct Entry: Sendable {
        package var instance: PluginInstance
        package var state: State
        package var services: ServiceRunner?
    }

    private let state = Mutex<[Entry]>([])

    package init() {}

    /// All enabled plugins in start order.
    package var entries: [Entry] {
        state.withLock { $0 }
    }

    func replace(_ entries: [Entry]) {
        state.withLock { $0 = entries }
    }

    /// The health of each plugin, from its state, its services and its own checks.
    package var health: [PluginHealth] {
        entries.map { entry in
            PluginHealth(
                plugin: entry.instance.name, state: entry.state.health(failures: entry.services?.failures ?? [:]),
                checks: entry.state == .running ? entry.instance.healthChecks : [])
        }
    }
}

extension PluginBoard.State {
    /// A word for people.
    package var word: String {
        switch self {
        case .starting: "starting"
        case .running: "running"
        case .retrying: "retrying"
        case .failed: "failed"
        case .stopping: "stopping"
        }
    }

    /// Why it does not run, if it does not.
    package var reason: String? {
        switch self {
        case .retrying(let reason), .failed(let reason): reason
        case .starting, .running, .stopping: nil
        }
    }

    /// What the state means for `/health/ready`; `failures` are the services that do not run, with reasons.
    package func health(failures: [String: String]) -> HealthStatus {
        switch self {
        case .starting: return .failing("starting")
        case .retrying(let reason): return .failing("start fails and is tried again: \(reason)")
        case .failed(let reason): return .degraded("switched off: \(reason)")
        case .stopping: return .failing("stopping")
        case .running:
            guard !failures.isEmpty else { return .healthy }
            let all = failures.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            return .degraded(all.joined(separator: "; "))
        }
    }
}
