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

    /// Keeps its values.
    public init(configuration: Settings, context: PluginContext) throws {
        self.configuration = configuration.values
        self.context = context
        backends = Backends(context)
    }

    /// Declares both surfaces.
    public func configure(_ setup: inout PluginSetup) throws {
        setup.rootRoutes(claiming: ["/api/v1"], surface: .v1, access: .usingJobs) { routes in
            routes.group("", middleware: [V1Failures()]) { routes in
                SubmitController(
                    submitter: WorkflowSubmitter(backends: backends), bodyLimit: context.daemon.jsonBodyLimit
                ).declare(&routes)
            }
        }
        setup.service("comfyui") { [backends] signal in _ = try await signal.cancelling { try await backends.run() } }
        setup.health("comfyui") { [backends] in await backends.health() }
    }

    /// Prepares the backend.
    public func start() async throws {
        try await backends.start()
    }

    /// Ends streams of events.
    public func drain() async {
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
