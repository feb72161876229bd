import ComfyUI
public import PluginAPI

/// Balances prompts over ComfyUI workers, follows them, and keeps their results.
public struct GatewayPlugin: Plugin {
    /// Name and version.
    public static let manifest = PluginManifest(
        name: "gateway", version: "0.1.0", summary: "Balances prompts over ComfyUI workers and keeps their results.")

    let engine: JobEngine
    private let supervisor: WorkerSupervisor

    /// Keeps its values.
    public init(configuration: Settings, context: PluginContext) throws {
        let wakeup = Wakeup()
        let inputs = InputStore(
            directory: context.daemon.inputDirectory, blocking: context.blocking, clock: context.clock,
            logger: context.logger)
        let pool = WorkerPool(configuration.values.workerRules) { worker, change in
            switch change {
            case .health(let health):
                context.events.publish(
                    ServerHealthChanged(
                        serverID: worker.id, serverName: worker.name, healthy: health.isHealthy, reason: health.reason))
                // After an outage it may be another server.
                if health.isHealthy { wakeup.set() } else { inputs.forget(serverID: worker.id) }
            case .breaker(let breaker):
                breaker.log(of: worker, to: context.logger)
                if breaker.state != .open { wakeup.set() }
            }
        }
        let registry = WorkerRegistry(
            pool: pool, inputs: inputs, configuration: configuration.values, context: context)
        engine = JobEngine(
            registry: registry, configuration: configuration.values, context: context,
            metrics: GatewayMetrics(context.metrics), dispatchWakeup: wakeup)
        supervisor = WorkerSupervisor(engine: engine)
    }

    /// Declares tables, routes, services and the capability ``ComfyBackend``.
    public func configure(_ setup: inout PluginSetup) throws {
        setup.migrate(GatewayMigrations.all)
        let prefixes = [
            "/api/workers", "/api/prompt", "/api/task", "/api/tasks", "/api/history", "/api/view", "/api/queue",
            "/api/settings",
        ]
        setup.rootRoutes(claiming: prefixes, surface: .gateway, access: .usingJobs) { routes in
            WorkerController(engine: engine).declare(&routes)
            PromptController(engine: engine).declare(&routes)
            TaskController(engine: engine).declare(&routes)
            TaskEventsController(engine: engine).declare(&routes)
            TaskChangeController(engine: engine).declare(&routes)
            TaskListController(engine: engine).declare(&routes)
            HistoryController(engine: engine).declare(&routes)
            QueueController(engine: engine).declare(&routes)
            ViewController(engine: engine).declare(&routes)
            SettingsController(registry: engine.registry).declare(&routes)
        }
        setup.provide(.comfyBackend, GatewayBackend(engine: engine))
        setup.service("workers") { [supervisor] signal in _ = try await signal.cancelling { await supervisor.run() } }
        setup.service("dispatcher") { [engine] signal in
            _ = try await signal.cancelling { await engine.runDispatcher() }
        }
        setup.service("journal") { [engine] signal in
            _ = try await signal.cancelling { await engine.journal.run() }
            await engine.journal.flush()
        }
        setup.schedule("gauges", every: .seconds(2)) { [engine] in
            engine.metrics.observe(engine.table, engine.pool.everyMember)
        }
        setup.schedule("retention", every: .seconds(60)) { [engine] in try await engine.deleteOldJobs() }
        setup.schedule("timeouts", every: .seconds(1)) { [engine] in await engine.endOverdue() }
        setup.health("workers") { [engine] in engine.health }
    }

    /// Loads workers, input files and unfinished jobs.
    public func start() async throws {
        try await engine.registry.load()
        try await engine.registry.inputs.load()
        try await engine.load()
    }

    /// Refuses new jobs, and finishes those being handed over.
    public func drain() async {
        await engine.drain()
    }
}

extension GatewayPlugin {
    /// The plugin's configuration.
    public struct Settings: ConfigurationSection {
        let values: GatewayConfiguration

        /// Reads the section.
        public init(_ config: inout ConfigReader) {
            values = GatewayConfiguration(&config)
        }
    }
}
