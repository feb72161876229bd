package import PluginAPI

/// What happens when a plugin cannot start.
package enum StartErrorPolicy: String, ConfigChoice {
    /// The daemon ends.
    case fail
    /// The daemon runs and tries again, for errors that may pass.
    case retry
    /// The daemon runs without the plugin and reports it in its health.
    case disable
}

/// A plugin as the configuration lists it.
package struct PluginEntry: Sendable {
    /// The host's keys in a plugin's section; the rest is the plugin's.
    struct HostKeys: ConfigurationSection {
        let isEnabled: Bool
        let onStartError: StartErrorPolicy
        let file: String?

        init(_ config: inout ConfigReader) {
            isEnabled = config.value("enabled", default: true, "Whether the plugin runs.")
            onStartError = config.value(
                "on_start_error", default: .fail,
                "What to do when the plugin cannot start: end the daemon, try again, or run without it.")
            file = config.optional(
                "file", as: String.self,
                "The plugin's shared object, relative to this file; otherwise it is looked up by its name.")
        }
    }

    /// The names of ``HostKeys``.
    static let hostKeys = ["enabled", "on_start_error", "file"]

    /// Its name, the key below `plugins`.
    package let name: String
    /// Whether it runs.
    package let isEnabled: Bool
    /// What happens when it cannot start.
    package let onStartError: StartErrorPolicy
    /// The absolute path of its shared object; nil when it is looked up by its name.
    package let file: String?
    /// The whole section as the file has it.
    package let section: JSONObject

    /// Whether a text can be a plugin's name: a lower-case letter, then lower-case letters, digits and `_`.
    package static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first) else { return false }
        return text.utf8.count <= 64
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "_")
            }
    }
}
