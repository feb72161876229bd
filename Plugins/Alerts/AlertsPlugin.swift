public import PluginAPI

/// Alerts of agents: received, listed, acknowledged, and told to people (seed 000 §9, seed 001 §8).
public struct AlertsPlugin: Plugin {
    /// Name, version and needs.
    public static let manifest = PluginManifest(
        name: "alerts", version: "0.1.0", summary: "Alerts of agents: received, listed, acknowledged, sent on.",
        uses: [.optional(.agentDirectory)])

    let configuration: AlertsConfiguration
    let context: PluginContext
    let store: AlertStore
    let alerts: AlertService
    let webhooks: Webhooks
    let presence: PresenceWatch

    /// Keeps its values.
    public init(configuration: Settings, context: PluginContext) {
        self.configuration = configuration.values
        self.context = context
        store = AlertStore(database: context.database)
        webhooks = Webhooks(configuration.values.webhooks, context)
        alerts = AlertService(context, foldWindow: configuration.values.foldWindow, webhooks: webhooks)
        presence = PresenceWatch(
            alerts: alerts, store: PresenceStore(database: context.database), capabilities: context.capabilities,
            clock: context.clock)
    }

    /// Declares everything.
    public func configure(_ setup: inout PluginSetup) {
        setup.migrate(
            (AlertStore.migrations + [PresenceStore.migration] + WebhookOutbox.migrations).sorted { $0.id < $1.id })
        setup.rootRoutes(claiming: ["/api/admin/comfyui/alerts"], surface: .admin, access: .scope("alerts")) { routes in
            routes.group("/api/admin/comfyui") { routes in
                AlertController(store: store, clock: context.clock).declare(&routes)
            }
        }
        // Open to the host, because it is the agent's token that counts.
        setup.rootRoutes(claiming: ["/api/agent/agents"], surface: .admin, access: .open) { routes in
            routes.group("/api/agent") { routes in
                IntakeController(
                    alerts: alerts, capabilities: context.capabilities,
                    limiter: TokenBuckets(perMinute: configuration.perMinute, clock: context.clock),
                    refused: context.metrics.counter(
                        "refused_total", "Alerts that were not taken, by the code of the answer.", labels: ["code"])
                ).declare(&routes)
            }
        }
        declarePresence(&setup)
        declareRetention(&setup)
        webhooks.declare(&setup)
    }

    private func declarePresence(_ setup: inout PluginSetup) {
        setup.subscribe(to: AgentPresenceChanged.self) { [presence] in
            try await presence.take($0.presence, at: $0.at)
        }
        setup.schedule("presence", every: PresenceWatch.interval) { [presence] in try await presence.reconcile() }
        setup.health("agents", affects: .information) { [capabilities = context.capabilities] in
            capabilities[.agentDirectory] == nil
                ? .degraded("no plugin knows agents: none can post alerts") : .healthy
        }
    }

    private func declareRetention(_ setup: inout PluginSetup) {
        let retention = AlertRetention(
            webhooks: webhooks, database: context.database, age: configuration.retention, keep: configuration.keep,
            keepPerAgent: configuration.keepPerAgent, clock: context.clock, logger: context.logger)
        setup.schedule("retention", every: AlertRetention.interval) { [webhooks] in
            try await retention.sweep()
            try await webhooks.sweep()
        }
    }
}

extension AlertsPlugin {
    /// The plugin's section, as the host reads it.
    public struct Settings: ConfigurationSection {
        let values: AlertsConfiguration

        /// Reads the section.
        public init(_ config: inout ConfigReader) {
            values = AlertsConfiguration(&config)
        }
    }
}
