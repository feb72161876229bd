package import PluginAPI
import Synchronization

/// A running daemon: the parts, the plugins and the listeners, from start to stop.
package final class Daemon: Sendable {
    let parts: DaemonParts
    let options: DaemonOptions
    let database: SQLiteDatabase
    let secrets: SecretBox
    let keys: APIKeyStore
    let authenticator: TokenAuthenticator
    let router: Router
    let openAPI: OpenAPISource
    let apiDocs: ApiDocsFolder
    let health: HealthMonitor
    let manager: PluginManager
    let server: HTTPServer
    let adminToken: AdminToken
    let lock: StateLock
    /// The configuration that listeners, storage and access were made with.
    let started: LoadedConfiguration
    /// Changes of the configuration wait for each other: each reads the file when it is its turn.
    let changes = TurnQueue()
    /// The process that is about to take over.
    let successor = Mutex<Int32?>(nil)
    /// The way to the process that this one takes over from.
    let predecessor = Mutex<Handover.Channel?>(nil)
    private let isStopping = Atomic<Bool>(false)
    private let configuration: Mutex<LoadedConfiguration>
    private let chores: ServiceRunner

    /// Makes all parts: opens the database, runs the host's migrations, reads or makes keys.
    ///
    /// Nothing listens yet.
    ///
    /// - Throws: what keeps the daemon from starting, in words for the operator.
    package init(
        _ configuration: LoadedConfiguration, options: DaemonOptions, parts: DaemonParts,
        inherited: [String: Int32] = [:]
    ) async throws {
        let daemon = configuration.daemon
        let state = daemon.stateDirectory
        try StateDirectory.prepare(state)
        lock = StateLock(directory: state)
        // A process that takes over gets the lock when the old one lets go.
        if inherited.isEmpty { try lock.acquire() }
        let (clock, logger, metrics) = (parts.clock, parts.logger, parts.metrics)
        self.parts = parts
        self.options = options
        started = configuration
        self.configuration = Mutex(configuration)
        chores = ServiceRunner(clock: clock, logger: logger)
        secrets = try SecretBox.load(stateDirectory: state, logger: logger)
        adminToken = try AdminToken.load(configured: daemon.auth.adminTokens, stateDirectory: state, logger: logger)
        database = try SQLiteDatabase.open(path: Self.databasePath(in: state), logger: logger)
        _ = try await Migrator(database: database, time: clock, logger: logger)
            .run(plugin: HostSchema.plugin, HostSchema.migrations)
        keys = APIKeyStore(database: database, time: clock)
        let verifiers: [any TokenVerifier] = [AdminTokenVerifier(adminToken), APIKeyVerifier(keys)]
        authenticator = TokenAuthenticator(verifiers: verifiers)
        var routing = RouterOptions()
        routing.cors = CORSPolicy(openOrigins: daemon.auth.corsOrigins)
        routing.trustedProxies = TrustedProxies(daemon.trustedProxies)
        let policy = AccessPolicy(
            openSurfaces: daemon.auth.openSurfaces,
            allListenersAreLoopback: daemon.listensOnLoopbackOnly)
        router = Router(
            authenticator: authenticator, openAuthenticator: TokenAuthenticator(verifiers: verifiers), access: policy,
            metrics: metrics, clock: clock, options: routing)
        openAPI = OpenAPISource(info: OpenAPIInfo(version: parts.version))
        apiDocs = ApiDocsFolder(directories: daemon.apiDocsDirectories, files: parts.files)
        let control = Deferred<any DaemonControl>()
        let board = Deferred<PluginBoard>()
        let own = Self.health(of: database)
        health = HealthMonitor(clock: clock) { [own] + (board.value?.health ?? []) }
        health.phase = .starting
        let hostRoutes = Self.hostRoutes(
            parts: parts, health: health, openAPI: openAPI, apiDocs: apiDocs, control: control, keys: keys)
        manager = PluginManager(
            Self.environment(
                configuration, parts: parts, database: database, secrets: secrets, authenticator: authenticator,
                router: router, hostRoutes: hostRoutes))
        server = HTTPServer(
            configuration: daemon.server(inheriting: inherited), group: parts.loops, responder: router, logger: logger,
            files: parts.files)
        board.value = manager.board
        control.value = self
    }

    /// The configuration that is in force.
    var loaded: LoadedConfiguration {
        get { configuration.withLock { $0 } }
        set { configuration.withLock { $0 = newValue } }
    }

    /// Starts the plugins and then the listeners, whose addresses are bound before anything runs.
    ///
    /// - Throws: `CancellationError` when ``stop()`` was called meanwhile; what keeps the daemon from starting.
    package func start() async throws {
        if isStopping.load(ordering: .relaxed) { throw CancellationError() }
        try lock.acquire()
        try await server.bind()
        parts.client.daemonListens(at: server.boundAddresses)
        try await manager.apply(wanted(loaded))
        try await listen()
    }

    /// Opens the listeners; the plugins are running.
    private func listen() async throws {
        if isStopping.load(ordering: .relaxed) { throw CancellationError() }
        refreshDocuments()
        let keys = keys
        let flush = ScheduleDeclaration(name: "api-key-usage", interval: .seconds(60), jitter: 0.1) {
            try await keys.flushUsage()
        }
        chores.start(services: [], schedules: [flush], on: parts.loops)
        try await server.start()
        health.phase = .running
        for address in server.boundAddresses {
            parts.logger.notice("listening", ["address": HTTPAuthority.text(address.address, address.port)])
        }
        if try await !apiDocs.isComplete {
            parts.logger.notice("/docs and /redoc are not there: packaging/api-docs.sh fetches their files")
        }
    }

    /// Stops in order: not ready, listeners, plugins, database.
    ///
    /// Nothing acknowledged is lost.
    package func stop() async {
        isStopping.store(true, ordering: .relaxed)
        predecessor.withLock { $0?.hangUp() }
        let shutdown = loaded.daemon.shutdown
        health.phase = .stopping
        parts.logger.notice("stopping")
        if shutdown.delay > .zero { try? await parts.clock.sleep(for: shutdown.delay) }
        await drain()
        await manager.stopAll()
        await close()
    }

    /// Takes no more connections, and lets requests in flight finish; endless ones are ended.
    func drain() async {
        router.endEvents()
        await server.drain(timeout: loaded.daemon.shutdown.timeout)
    }

    /// Ends client and database; the plugins are stopped.
    func close() async {
        await chores.stop(timeout: .seconds(5))
        do {
            try await keys.flushUsage(isLast: true)
        } catch {
            parts.logger.warning("the last use of API keys is not stored", ["error": "\(error)"])
        }
        await parts.client.shutDown()
        await database.close()
        lock.release()
        parts.logger.notice("stopped")
    }

    /// The plugins that a configuration asks for.
    func wanted(_ configuration: LoadedConfiguration) -> PluginManager.Wanted {
        PluginManager.Wanted(
            specifications: configuration.specifications, loader: options.loader(configuration.daemon),
            reader: configuration.pluginReader)
    }

    /// Makes the documents that describe the current routes anew.
    func refreshDocuments() {
        if let table = router.table { openAPI.replace(table) }
    }
}

/// What a daemon is started with besides its configuration.
package struct DaemonOptions: Sendable {
    /// The version, for people.
    package var version: String
    /// The file given with `--config`.
    package var configurationFile: String?
    /// The command line's overrides.
    package var overrides: CommandLineOverrides
    /// The environment.
    package var environment: [String: String]
    /// Plugins linked into the executable.
    package var builtIn: [String: any Plugin.Type]

    package init(
        version: String, configurationFile: String? = nil, overrides: CommandLineOverrides = CommandLineOverrides(),
        environment: [String: String], builtIn: [String: any Plugin.Type] = [:]
    ) {
        self.version = version
        self.configurationFile = configurationFile
        self.overrides = overrides
        self.environment = environment
        self.builtIn = builtIn
    }

    /// Finds plugins where this configuration says.
    func loader(_ daemon: DaemonConfiguration) -> PluginLoader {
        PluginLoader(
            builtIn: builtIn, directories: PluginLoader.standardDirectories() + daemon.pluginDirectories)
    }

    /// Reads and checks everything, the plugins' sections too.
    ///
    /// - Throws: ``ConfigurationProblems``.
    package func load() throws(ConfigurationProblems) -> LoadedConfiguration {
        try loadConfiguration(file: configurationFile, overrides: overrides, environment: environment) {
            (entry, daemon) throws(ConfigProblem) in
            do throws(PluginLoadError) {
                return try loader(daemon).load(entry.name, file: entry.file).type.configurationType
            } catch {
                throw ConfigProblem(error.description)
            }
        }
    }
}

extension Plugin {
    /// The type of its configuration, reachable through an existential.
    static var configurationType: any ConfigurationSection.Type { Configuration.self }
}

extension LoadedConfiguration {
    /// The plugins that run.
    var specifications: [PluginSpecification] {
        plugins.filter(\.isEnabled).map { PluginSpecification($0, environment: environment) }
    }
}

extension DaemonConfiguration {
    /// The server's part, with sockets of an earlier process by the address they were configured with.
    func server(inheriting sockets: [String: Int32]) -> HTTPServerConfiguration {
        var server = server
        var sockets = sockets
        for index in server.listeners.indices {
            server.listeners[index].inheritedSocket = sockets.removeValue(forKey: listen[index].text)
        }
        return server
    }
}

/// Addresses as they stand in URLs.
enum HTTPAuthority {
    /// `127.0.0.1:8000` or `[::1]:8000`.
    static func text(_ address: String, _ port: UInt16) -> String {
        address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
    }
}
