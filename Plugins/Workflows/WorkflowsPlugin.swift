public import PluginAPI

/// Named workflows (`/api/workflow…`, seed 002) and the service `/api/v1` with its WebSocket (seed 004).
public struct WorkflowsPlugin: Plugin {
    /// Name, version and needs.
    public static let manifest = PluginManifest(
        name: "workflows", version: "0.1.0", summary: "Runs named workflows and serves /api/v1 with its WebSocket.",
        uses: [.optional(.comfyBackend)])

    private let configuration: WorkflowsConfiguration
    private let context: PluginContext
    private let backends: Backends
    private let sessions = SessionRegistry()
    private let ledger: ResultLedger

    /// Keeps its values.
    public init(configuration: Settings, context: PluginContext) throws {
        self.configuration = configuration.values
        self.context = context
        backends = Backends(context)
        ledger = ResultLedger(
            database: context.database, clock: context.clock, window: configuration.values.replayWindow)
    }

    /// Declares both surfaces.
    public func configure(_ setup: inout PluginSetup) throws {
        let submitter = WorkflowSubmitter(backends: backends)
        let interrupter = WorkflowInterrupter(backends: backends)
        setup.migrate(ResultLedger.migrations)
        setup.rootRoutes(claiming: ["/api/v1"], surface: .v1, access: .usingJobs) { routes in
            routes.group("", middleware: [V1Failures()]) { routes in
                SubmitController(submitter: submitter, bodyLimit: context.daemon.jsonBodyLimit).declare(&routes)
                ResultController(
                    reader: WorkflowReader(backends: backends), daemon: context.daemon,
                    imageURLs: configuration.imageURLs
                ).declare(&routes)
                InterruptController(interrupter: interrupter).declare(&routes)
                QueueController(backends: backends).declare(&routes)
                SocketController(
                    services: SocketServices(
                        backends: backends, submitter: submitter, interrupter: interrupter, ledger: ledger,
                        clock: context.clock, logger: context.logger, timeout: configuration.timeout),
                    registry: sessions
                ).declare(&routes)
            }
        }
        setup.rootRoutes(claiming: ["/", "/health"], surface: .native, access: .open) { routes in
            let version = configuration.appVersion.isEmpty ? context.daemon.version : configuration.appVersion
            ServiceController(backends: backends, name: configuration.appName, version: version).declare(&routes)
        }
        setup.schedule("results", every: .seconds(600)) { [ledger] in try await ledger.deleteOld() }
        setup.service("comfyui") { [backends] signal in _ = try await signal.cancelling { try await backends.run() } }
        setup.health("comfyui") { [backends] in await backends.health() }
    }

    /// Prepares the backend.
    public func start() async throws {
        try await backends.start()
    }

    /// Ends WebSocket connections and streams of events.
    public func drain() async {
        sessions.closeAll()
        await backends.drain()
    }
}

extension WorkflowsPlugin {
    /// The plugin's configuration.
    public struct Settings: ConfigurationSection {
        let values: WorkflowsConfiguration

        /// Reads the section.
        public init(_ config: inout ConfigReader) {
            values = WorkflowsConfiguration(&config)
        }
    }
}
