package import PluginAPI
import Synchronization

/// Who provides which capability now.
package final class CapabilityRegistry: Sendable {
    private struct Entry {
        let plugin: String
        let value: any Sendable
    }

    private let entries = Mutex<[String: Entry]>([:])

    package init() {}

    /// What plugins look through.
    package var capabilities: Capabilities {
        Capabilities { name, version in
            self.entries.withLock { $0[Self.key(name, version)]?.value }
        }
    }

    /// Makes a started plugin's capabilities visible.
    package func add(_ provided: [ProvidedCapability], of plugin: String) {
        entries.withLock { entries in
            for capability in provided {
                entries[Self.key(capability.name, capability.version)] = Entry(
                    plugin: plugin, value: capability.value)
            }
        }
    }

    /// Hides a plugin's capabilities.
    package func removeAll(of plugin: String) {
        entries.withLock { entries in
            entries = entries.filter { $0.value.plugin != plugin }
        }
    }

    static func key(_ name: String, _ version: Int) -> String {
        "\(name)/\(version)"
    }
}

/// Orders plugins so that providers start before those that ask for them.
package enum StartOrder {
    /// What one plugin offers and asks for.
    package struct Node: Sendable {
        package let plugin: String
        package let provides: [String]
        package let uses: [CapabilityRequirement]

        package init(plugin: String, provides: [String], uses: [CapabilityRequirement]) {
            self.plugin = plugin
            self.provides = provides
            self.uses = uses
        }

        /// Whether it asks for one of these, and does not provide it itself.
        func asks(for capabilities: Set<String>) -> Bool {
            uses.contains { need in
                let key = CapabilityRegistry.key(need.name, need.version)
                return capabilities.contains(key) && !provides.contains(key)
            }
        }
    }

    /// The start order; problems are complete sentences for the operator.
    ///
    /// Without dependencies the given order stays.
    package static func sort(_ nodes: [Node]) -> (order: [String], problems: [String]) {
        var problems: [String] = []
        var provider: [String: String] = [:]
        for node in nodes {
            for key in node.provides {
                if let other = provider[key] {
                    problems.append("plugins \(other) and \(node.plugin) both provide \(key): enable only one of them")
                }
                provider[key] = node.plugin
            }
        }
        for node in nodes {
            for need in node.uses {
                guard let hint = need.hint, provider[CapabilityRegistry.key(need.name, need.version)] == nil else {
                    continue
                }
                problems.append("plugin \(node.plugin) needs \(need.name), which no enabled plugin provides: \(hint)")
            }
        }
        var order: [String] = []
        var left = nodes
        while !left.isEmpty {
            let waiting = Set(left.map(\.plugin))
            let ready = left.filter { node in
                !node.uses.contains { need in
                    let source = provider[CapabilityRegistry.key(need.name, need.version)]
                    return source.map { $0 != node.plugin && waiting.contains($0) } ?? false
                }
            }
            guard !ready.isEmpty else {
                let names = left.map(\.plugin).joined(separator: ", ")
                problems.append("plugins \(names) wait for each other's capabilities")
                break
            }
            order += ready.map(\.plugin)
            left.removeAll { node in ready.contains { $0.plugin == node.plugin } }
        }
        return (order, problems)
    }
}
