package import PluginAPI

/// What the operator wants of one plugin; two that are equal need no restart.
package struct PluginSpecification: Sendable, Equatable {
    /// The name under `plugins:`.
    package var name: String
    /// Its whole section.
    package var section: JSONObject
    /// Where the `.so` is, if the operator says so.
    package var file: String?
    /// What a failed start means.
    package var onStartError: StartErrorPolicy
    /// The variables its values may come from.
    package var environment: [String: String]

    package init(
        name: String, section: JSONObject = [:], file: String? = nil, onStartError: StartErrorPolicy = .fail,
        environment: [String: String] = [:]
    ) {
        self.name = name
        self.section = section
        self.file = file
        self.onStartError = onStartError
        self.environment = environment
    }

    /// Takes a listed plugin.
    package init(_ entry: PluginEntry, environment: [String: String]) {
        self.init(
            name: entry.name, section: entry.section, file: entry.file, onStartError: entry.onStartError,
            environment: environment)
    }
}

/// A plugin after `configure`: made, declared, not started.
package struct PluginInstance: Sendable {
    /// What the operator wants of it.
    package let specification: PluginSpecification
    /// Where its code is.
    package let loaded: PluginLoader.Loaded
    /// Itself.
    package let plugin: any Plugin
    /// Its routes.
    package let routes: PluginRoutes
    package let migrations: [Migration]
    package let provided: [ProvidedCapability]
    package let subscriptions: [EventSubscription]
    package let services: [ServiceDeclaration]
    package let schedules: [ScheduleDeclaration]
    package let healthChecks: [HealthDeclaration]

    /// The name under `plugins:`.
    package var name: String { specification.name }
    package var manifest: PluginManifest { type(of: plugin).manifest }

    /// Its place in the start order.
    var node: StartOrder.Node {
        StartOrder.Node(
            plugin: name, provides: provided.map { CapabilityRegistry.key($0.name, $0.version) },
            uses: manifest.uses)
    }

    /// Reads the configuration, makes the plugin and lets it declare.
    ///
    /// - Throws: ``PluginProblems`` with all configuration problems, or the plugin's own error in words.
    static func make<P: Plugin>(
        _ type: P.Type, loaded: PluginLoader.Loaded, specification: PluginSpecification, reader: ConfigReader,
        context: PluginContext
    ) throws(PluginProblems) -> PluginInstance {
        var reader = reader
        let configuration = P.Configuration(&reader)
        let problems = reader.finished().problems
        guard problems.isEmpty else { throw PluginProblems(configuration: problems) }
        do {
            let plugin = try P(configuration: configuration, context: context)
            var setup = PluginSetup(plugin: specification.name)
            try plugin.configure(&setup)
            return PluginInstance(specification: specification, loaded: loaded, plugin: plugin, setup: setup)
        } catch {
            throw PluginProblems(["plugin \(specification.name): \(error)"])
        }
    }

    private init(
        specification: PluginSpecification, loaded: PluginLoader.Loaded, plugin: any Plugin, setup: PluginSetup
    ) {
        self.specification = specification
        self.loaded = loaded
        self.plugin = plugin
        routes = PluginRoutes(plugin: specification.name, setup: setup)
        migrations = setup.migrations
        provided = setup.provided
        subscriptions = setup.subscriptions
        services = setup.services
        schedules = setup.schedules
        healthChecks = setup.healthChecks
    }
}

/// Everything that keeps a set of plugins from running, for the operator.
package struct PluginProblems: Error, Sendable, CustomStringConvertible {
    /// Problems with a place in the configuration.
    package var configuration: [ConfigReader.Problem]
    /// Problems without one, each a line.
    package var other: [String]

    package init(_ other: [String] = [], configuration: [ConfigReader.Problem] = []) {
        self.other = other
        self.configuration = configuration
    }

    package var isEmpty: Bool { configuration.isEmpty && other.isEmpty }

    package var description: String {
        (configuration.map(\.description) + other).joined(separator: "\n")
    }

    mutating func add(_ more: PluginProblems) {
        configuration += more.configuration
        other += more.other
    }
}
