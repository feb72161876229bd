import PluginAPI

extension Daemon {
    /// The file of the database.
    static func databasePath(in stateDirectory: String) -> String {
        "\(stateDirectory)/comfyd.db"
    }

    /// Lets the enabled plugins declare and checks routes and capabilities; opens no socket, database or folder.
    ///
    /// - Throws: ``CommandFailure`` with all problems.
    static func examine(_ configuration: LoadedConfiguration, options: DaemonOptions) async throws -> RouteTable {
        let clock = MonotonicClock()
        let metrics = MetricsRegistry()
        let router = Router(
            authenticator: NothingThere(),
            access: AccessPolicy(openSurfaces: .never, allListenersAreLoopback: false), metrics: metrics, clock: clock)
        let capabilities = CapabilityRegistry()
        let events = LocalEventBus(logger: Logger(), metrics: metrics.factory())
        let settings = configuration.daemon.settings(version: options.version, directory: configuration.directory)
        let loops = EventLoopGroup(count: 1)
        defer { loops.shutDown() }
        let host = HostRoutes(
            info: HostRoutes.Info(version: options.version),
            health: HealthMonitor(clock: clock) { [] }, metrics: metrics, openAPI: { [] })
        let docs = ApiDocsRoutes(
            folder: ApiDocsFolder(
                directories: configuration.daemon.apiDocsDirectories, files: BlockingPool(name: "files", threads: 1)))
        let admin = AdminRoutes(control: Deferred()).routes
        let tokens = TokenRoutes(keys: APIKeyStore(database: NothingThere())).routes
        let manager = PluginManager(
            PluginManager.Environment(
                context: { name in
                    PluginContext(
                        name: name, dataDirectory: "\(configuration.daemon.stateDirectory)/\(name)", logger: Logger(),
                        clock: clock, metrics: metrics.factory(plugin: name), database: NothingThere(),
                        httpClient: NothingThere(), auth: NothingThere(), secrets: NothingThere(), events: events,
                        capabilities: capabilities.capabilities, daemon: settings)
                }, migrate: { _, _ in }, hostRoutes: host.declarations + docs.declarations + admin + tokens,
                router: router,
                capabilities: capabilities, events: events, loops: loops, clock: clock, logger: Logger(),
                shutdownTimeout: .zero))
        do {
            return try await manager.check(
                PluginManager.Wanted(
                    specifications: configuration.specifications, loader: options.loader(configuration.daemon),
                    reader: configuration.pluginReader))
        } catch let problems as PluginProblems {
            throw CommandFailure(problems.description, exitCode: 2)
        }
    }
}

/// What a plugin gets while it is only examined: `init` and `configure` do no I/O, so nothing may be asked of these.
private struct NothingThere: Database, HTTPClient, Authenticator, SecretSealing {
    private struct Refusal: Error, CustomStringConvertible {
        let description = "a plugin may do no I/O before start"
    }

    let dialect = SQLDialect.sqlite

    func read<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T {
        throw Refusal()
    }

    func write<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T {
        throw Refusal()
    }

    func send(_ request: ClientRequest) async throws -> ClientResponse { throw Refusal() }

    func webSocket(_ request: ClientRequest) async throws -> any WebSocket { throw Refusal() }

    func principal(for request: Request) async throws -> Principal? { throw Refusal() }

    func seal(_ secret: Secret) throws -> String { throw Refusal() }

    func open(_ sealed: String) throws -> Secret { throw Refusal() }
}
