package import PluginAPI

/// The configuration after it was read and checked.
package struct LoadedConfiguration: Sendable {
    /// The host's values, paths absolute.
    package let daemon: DaemonConfiguration
    /// The listed plugins, enabled or not, in the order of the file.
    package let plugins: [PluginEntry]
    /// The values of the plugins whose type the caller gave.
    package let pluginValues: [String: any ConfigurationSection]
    /// What the operator should know.
    package let notices: [ConfigurationNotice]

    let source: ConfigurationSource

    /// The absolute path of the file, nil when there is none.
    package var file: String? { source.file }
    /// The absolute folder of the file, else the working directory; relative paths start here.
    package var directory: String { source.directory }
    /// Where values come from besides the file.
    package var sources: ConfigReader.Sources { source.sources }
    /// The environment with `.env` below it, without empty variables.
    package var environment: [String: String] { source.sources.environment }

    /// The plugin of that name, if it is listed.
    package func plugin(_ name: String) -> PluginEntry? {
        plugins.first { $0.name == name }
    }

    /// A reader of one plugin's section, for the loader; the host's keys in it are known.
    package func pluginReader(_ name: String) -> ConfigReader {
        source.pluginReader(name)
    }

    /// Reads a plugin's section, listed or not.
    package func read(_ type: any ConfigurationSection.Type, plugin name: String) -> PluginSection {
        var reader = pluginReader(name)
        let value = type.init(&reader)
        return PluginSection(value: value, problems: source.located(reader.finished().problems))
    }
}

/// A plugin's values, and what is wrong with them.
package struct PluginSection: Sendable {
    /// The values; defaults and examples stand in for what is wrong.
    package let value: any ConfigurationSection
    /// What is wrong; the values count only when nothing is.
    package let problems: [ConfigurationProblem]
}

extension ConfigurationSource {
    func pluginReader(_ name: String) -> ConfigReader {
        let section = root?.json["plugins"]?[name]?.objectValue ?? [:]
        var reader = ConfigReader(path: "plugins.\(name)", values: section, sources: sources)
        for key in PluginEntry.hostKeys { reader.ignore(key) }
        return reader
    }
}
