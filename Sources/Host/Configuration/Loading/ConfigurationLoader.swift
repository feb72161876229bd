package import PluginAPI

/// Tells the type of a plugin's section, so that it is checked with the rest; nil leaves it unchecked.
///
/// Throws what is wrong with the plugin itself, such as a missing shared object.
package typealias PluginSectionType =
    (PluginEntry, DaemonConfiguration) throws(ConfigProblem) -> (any ConfigurationSection.Type)?

/// Reads and checks the whole configuration.
///
/// Values rank: command line, `COMFYD_<PATH>`, the variables that keys name, file. A `.env` file beside the
/// configuration file (without one: in the working directory) adds variables that the environment does not set.
///
/// - Parameters:
///   - file: The file; nil means `comfyd.yaml` in the working directory if there is one, else the defaults.
///   - sectionType: Called for each enabled plugin.
/// - Throws: ``ConfigurationProblems`` with all that is wrong at once, host and plugins.
package func loadConfiguration(
    file: String?, overrides: CommandLineOverrides = CommandLineOverrides(), environment: [String: String],
    workingDirectory: String? = nil, sectionType: PluginSectionType? = nil
) throws(ConfigurationProblems) -> LoadedConfiguration {
    let source = try ConfigurationSource(
        file: file, overrides: overrides, environment: environment,
        workingDirectory: workingDirectory ?? FilePath.current)
    var loader = ConfigurationLoader(source: source)
    return try loader.load(sectionType)
}

/// One pass over a configuration, collecting what is wrong.
struct ConfigurationLoader {
    let source: ConfigurationSource
    private var problems: [ConfigurationProblem]
    private var notices: [ConfigurationNotice]

    init(source: ConfigurationSource) {
        self.source = source
        problems = source.problems
        notices = source.notices
    }

    mutating func load(_ sectionType: PluginSectionType?) throws(ConfigurationProblems) -> LoadedConfiguration {
        let plugins = readPlugins()
        let daemon = readDaemon(plugins)
        var values: [String: any ConfigurationSection] = [:]
        if let sectionType {
            for plugin in plugins where plugin.isEnabled {
                values[plugin.name] = read(plugin, daemon, sectionType)
            }
        }
        warnAboutStores(daemon)
        guard problems.isEmpty else { throw ConfigurationProblems(problems) }
        return LoadedConfiguration(
            daemon: daemon, plugins: plugins, pluginValues: values, notices: notices, source: source)
    }

    private mutating func read(
        _ plugin: PluginEntry, _ daemon: DaemonConfiguration, _ sectionType: PluginSectionType
    ) -> (any ConfigurationSection)? {
        var reader = source.pluginReader(plugin.name)
        do throws(ConfigProblem) {
            guard let type = try sectionType(plugin, daemon) else { return nil }
            let value = type.init(&reader)
            problems += source.located(reader.finished().problems)
            return value
        } catch {
            problems += source.located([problem("plugins.\(plugin.name)", error.description)])
            return nil
        }
    }

    private func problem(_ path: String, _ message: String) -> ConfigReader.Problem {
        ConfigReader.Problem(path: path, message: message)
    }
}

// MARK: - The host's keys

extension ConfigurationLoader {
    private mutating func readDaemon(_ plugins: [PluginEntry]) -> DaemonConfiguration {
        let values = source.root?.json.objectValue ?? [:]
        var reader = ConfigReader(values: values, sources: source.sources)
        var daemon = DaemonConfiguration(&reader)
        for plugin in plugins where values.contains(plugin.name) && !DaemonConfiguration.keys.contains(plugin.name) {
            reader.ignore(plugin.name)
            let message = "nobody reads this section; the keys of a plugin stand in \"plugins.\(plugin.name)\""
            if plugin.isEnabled {
                reader.report(message, at: plugin.name)
            } else {
                notices.append(ConfigurationNotice(level: .warning, message: "\(plugin.name): \(message)"))
            }
        }
        problems += source.located(reader.finished().problems)
        daemon.resolvePaths(in: source.directory)
        for listener in daemon.listen {
            for path in [listener.certificate, listener.key].compactMap({ $0 }) where !FilePath.isReadable(path) {
                problems += source.located([problem("listen", "cannot read file \"\(path)\"")])
            }
        }
        return daemon
    }

    /// A store that is asked for and not there must never be replaced in silence.
    private mutating func warnAboutStores(_ daemon: DaemonConfiguration) {
        let names = ["REDIS_URL", "MYSQL_HOST", "MYSQL_PORT", "MYSQL_USER", "MYSQL_PASSWORD", "MYSQL_DATABASE"]
        let given = names.filter { source.sources.environment[$0] != nil }
        for (prefix, store) in [("REDIS", "Redis"), ("MYSQL", "MySQL")] {
            let variables = given.filter { $0.hasPrefix(prefix) }
            guard !variables.isEmpty else { continue }
            let list = variables.joined(separator: ", ") + (variables.count == 1 ? " is set" : " are set")
            notices.append(
                ConfigurationNotice(
                    level: .warning,
                    message: "\(list), but this build does not support \(store) yet; "
                        + "everything is kept in \(Daemon.databasePath(in: daemon.stateDirectory))"))
        }
    }
}

// MARK: - The list of plugins

extension ConfigurationLoader {
    private mutating func readPlugins() -> [PluginEntry] {
        let given = source.root?.json["plugins"] ?? .null
        if given.objectValue == nil, !given.isNull {
            problems += source.located([
                problem("plugins", "expected a section per plugin, such as \"gateway: { enabled: true }\"")
            ])
        }
        let sections = given.objectValue ?? [:]
        var entries: [PluginEntry] = []
        for (name, value) in sections {
            guard PluginEntry.isName(name) else {
                problems += source.located([
                    problem(
                        "plugins.\(name)",
                        "a plugin's name is made of lower-case letters, digits and \"_\" and starts with a letter")
                ])
                continue
            }
            if value.objectValue == nil, !value.isNull {
                problems += source.located([
                    problem("plugins.\(name)", "expected a section of keys, such as \"{ enabled: true }\"")
                ])
            }
            entries.append(entry(name, value.objectValue ?? [:]))
        }
        for name in namesInEnvironment() where !sections.contains(name) { entries.append(entry(name, [:])) }
        return entries
    }

    private mutating func entry(_ name: String, _ section: JSONObject) -> PluginEntry {
        var reader = ConfigReader(path: "plugins.\(name)", values: section, sources: source.sources)
        let keys = PluginEntry.HostKeys(&reader)
        problems += source.located(reader.problems)
        return PluginEntry(
            name: name, isEnabled: keys.isEnabled, onStartError: keys.onStartError,
            file: keys.file.map { FilePath.absolute($0, in: source.directory) }, section: section)
    }

    /// Plugins that `COMFYD_PLUGINS_<NAME>_ENABLED` lists, as containers without a file do.
    private func namesInEnvironment() -> [String] {
        let prefix = "COMFYD_PLUGINS_"
        let suffix = "_ENABLED"
        return source.sources.environment.keys.sorted().compactMap { variable in
            guard variable.hasPrefix(prefix), variable.hasSuffix(suffix) else { return nil }
            let name = variable.dropFirst(prefix.count).dropLast(suffix.count).lowercased()
            return PluginEntry.isName(name) ? name : nil
        }
    }
}
