import PluginAPI
import Synchronization

extension Daemon {
    /// What the plugin manager needs of the daemon.
    static func environment(
        _ configuration: LoadedConfiguration, parts: DaemonParts, database: SQLiteDatabase, secrets: SecretBox,
        authenticator: TokenAuthenticator, router: Router, hostRoutes: [RouteDeclaration]
    ) -> PluginManager.Environment {
        let daemon = configuration.daemon
        let capabilities = CapabilityRegistry()
        let events = LocalEventBus(logger: parts.logger, metrics: parts.metrics.factory())
        let settings = daemon.settings(version: parts.version, directory: configuration.directory)
        let context: @Sendable (String) throws -> PluginContext = { name in
            let folder = "\(daemon.stateDirectory)/\(name)"
            try StateDirectory.prepare(folder)
            var context = PluginContext(
                name: name, dataDirectory: folder, logger: parts.logger.with(["plugin": name]), clock: parts.clock,
                metrics: parts.metrics.factory(plugin: name), database: database, httpClient: parts.client,
                auth: authenticator, secrets: secrets, events: events, capabilities: capabilities.capabilities,
                daemon: settings)
            context.blocking = parts.files
            context.cryptography = OpenSSLCryptography()
            return context
        }
        return PluginManager.Environment(
            context: context,
            migrate: { name, migrations in
                _ = try await Migrator(database: database, time: parts.clock, logger: parts.logger)
                    .run(plugin: name, migrations)
            },
            hostRoutes: hostRoutes, router: router, capabilities: capabilities, events: events, loops: parts.loops,
            clock: parts.clock, logger: parts.logger, shutdownTimeout: daemon.shutdown.timeout)
    }

    /// What the host itself needs to be ready.
    static func health(of database: SQLiteDatabase) -> PluginHealth {
        var setup = PluginSetup(plugin: RouteTable.hostName)
        setup.health("database") {
            // A disk that is full lets nothing be accepted; another instance may have room.
            await database.isUsable() ? .healthy : .failing("the database cannot be read or takes no writes")
        }
        return PluginHealth(plugin: RouteTable.hostName, checks: setup.healthChecks)
    }

    /// The routes that are there without any plugin.
    static func hostRoutes(
        parts: DaemonParts, health: HealthMonitor, openAPI: OpenAPISource, apiDocs: ApiDocsFolder,
        control: Deferred<any DaemonControl>, keys: APIKeyStore
    ) -> [RouteDeclaration] {
        let host = HostRoutes(
            info: HostRoutes.Info(version: parts.version), health: health, metrics: parts.metrics,
            openAPI: openAPI.bytes)
        return host.declarations + ApiDocsRoutes(folder: apiDocs).declarations + AdminRoutes(control: control).routes
            + TokenRoutes(keys: keys).routes
    }
}

extension DaemonConfiguration {
    /// Where the files of `/docs` and `/redoc` may be.
    var apiDocsDirectories: [String] {
        apiDocsDirectory.map { [$0] } ?? ApiDocsFolder.standardDirectories()
    }
}

/// Something that is made after what refers to it.
final class Deferred<Value: Sendable>: Sendable {
    private let state = Mutex<Value?>(nil)

    var value: Value? {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}
