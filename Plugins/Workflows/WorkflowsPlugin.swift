public import PluginAPI

/// Named workflows (`/api/workflow…`, seed 002) and the service `/api/v1` with its WebSocket (seed 004).
public struct WorkflowsPlugin: Plugin {
    /// Name, version and needs.
    public static let manifest = PluginManifest(
        name: "workflows", version: "0.1.0", summary: "Runs named workflows and serves /api/v1 with its WebSocket.",
        uses: [.optional(.comfyBackend)])

    let configuration: WorkflowsConfiguration
    let context: PluginContext
    let backends: Backends
    let store: WorkflowStore
    let sessions = SessionRegistry()
    let ledger: ResultLedger

    /// Keeps its values.
    public init(configuration: Settings, context: PluginContext) throws {
        self.configuration = configuration.values
        self.context = context
        backends = Backends(context)
        store = WorkflowStore(directory: configuration.values.directory, context)
        ledger = ResultLedger(
            database: context.database, clock: context.clock, window: configuration.values.replayWindow)
    }

    /// Declares both surfaces, the backend's service and the table of results that were sent.
    public func configure(_ setup: inout PluginSetup) throws {
        setup.migrate(ResultLedger.migrations)
        declareNamed(&setup)
        declareV1(&setup)
        declareService(&setup)
        declareView(&setup)
        setup.schedule("results", every: .seconds(600)) { [ledger] in try await ledger.deleteOld() }
        setup.service("comfyui") { [backends] signal in _ = try await signal.cancelling { try await backends.run() } }
        setup.health("comfyui") { [backends] in await backends.health() }
    }

    /// Prepares the folder of the workflows and the backend.
    public func start() async throws {
        try await store.prepare(now: context.clock.wallClock)
        try await prepareUploads()
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
