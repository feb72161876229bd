public import PluginAPI

/// Agents beside ComfyUI servers: what their servers should have, what they are told to do, and what they report
/// (seed 000 §6–8, seed 001).
public struct AgentsPlugin: Plugin {
    /// Name, version and needs.
    public static let manifest = PluginManifest(
        name: "agents", version: "0.1.0",
        summary: "Agents beside ComfyUI servers: tokens, manifests, tasks, reports and heartbeats.")

    let configuration: AgentsConfiguration
    let context: PluginContext
    let keys: KeySource
    let roster = AgentRoster()
    let agents: AgentStore
    let manifests: ManifestStore
    let tasks: TaskStore
    let gate: AgentGate
    let presence: PresenceBoard
    let watch: PresenceWatch
    let writer: HeartbeatWriter
    let limits: AgentLimits
    let pusher: TaskPusher

    /// Keeps its values.
    public init(configuration: Settings, context: PluginContext) {
        let values = configuration.values
        self.configuration = values
        self.context = context
        keys = KeySource(values.keyOrigin(context), defaultID: values.defaultKeyID, context: context)
        agents = AgentStore(database: context.database)
        manifests = ManifestStore(database: context.database)
        tasks = TaskStore(database: context.database, clock: context.clock)
        gate = AgentGate(
            tokens: AgentTokens(
                keys: keys, debugTokens: values.isDevelopment ? values.debugTokens : [], clock: context.clock,
                cryptography: context.cryptography, logger: context.logger),
            roster: roster, tasks: tasks, clock: context.clock)
        presence = PresenceBoard(clock: context.clock)
        watch = PresenceWatch(
            roster: roster, presence: presence, events: context.events, clock: context.clock, logger: context.logger)
        writer = HeartbeatWriter(store: agents, roster: roster)
        limits = AgentLimits(clock: context.clock)
        pusher = TaskPusher(
            tasks: tasks, roster: roster, tokens: gate.tokens, configuration: values, context: context)
    }

    /// Declares everything.
    public func configure(_ setup: inout PluginSetup) {
        setup.migrate(
            (AgentStore.migrations + [ManifestStore.migration, TaskStore.migration]).sorted { $0.id < $1.id })
        declareAdmin(&setup)
        declareAgentSide(&setup)
        declareWatch(&setup)
        provideDirectory(&setup)
    }

    /// Reads keys and agents.
    public func start() async throws {
        pusher.open()
        try await keys.load()
        warnOfDebugTokens()
        let all = try await agents.all()
        roster.load(all)
        // They have the whole patience from now on: heartbeats could not come in while the daemon was down.
        presence.expect(all.filter { $0.report.lastHeartbeatAt != nil }.map(\.id))
    }

    /// Waits for no agent; what heartbeats said since the last save is written.
    public func stop() async {
        await pusher.close()
        do {
            try await writer.save()
        } catch {
            context.logger.warning("the last heartbeats could not be written", ["error": "\(error)"])
        }
    }

    private func warnOfDebugTokens() {
        guard !configuration.debugTokens.isEmpty else { return }
        if configuration.isDevelopment {
            context.logger.warning(
                "debug tokens count: whoever has one speaks for every agent",
                ["count": "\(configuration.debugTokens.count)"])
        } else {
            context.logger.warning("debug_tokens do not count: development is off")
        }
    }
}

extension AgentsPlugin {
    /// The plugin's section, as the host reads it.
    public struct Settings: ConfigurationSection {
        let values: AgentsConfiguration

        /// Reads the section.
        public init(_ config: inout ConfigReader) {
            values = AgentsConfiguration(&config)
        }
    }
}

extension AgentsConfiguration {
    /// Where the keys come from.
    func keyOrigin(_ context: PluginContext) -> KeySource.Origin {
        if !secrets.isEmpty { return .given(secrets) }
        guard let secretsFile else { return .generated(KeyFile(path: context.dataDirectory + "/jwt.keys")) }
        return .file(KeyFile(path: path(secretsFile, context)))
    }

    /// A path of the configuration; a relative one starts at the configuration's folder.
    func path(_ text: String, _ context: PluginContext) -> String {
        text.hasPrefix("/") ? text : "\(context.daemon.configurationDirectory)/\(text)"
    }
}
