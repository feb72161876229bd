import PluginAPI

extension AgentsPlugin {
    /// What administrators use: `/api/admin/comfyui/{agents,manifests,tasks}`.
    func declareAdmin(_ setup: inout PluginSetup) {
        let prefixes = ["agents", "manifests", "tasks"].map { "/api/admin/comfyui/\($0)" }
        setup.rootRoutes(claiming: prefixes, surface: .admin, access: .scope("agents")) { routes in
            routes.group("/api/admin/comfyui") { routes in
                AgentController(
                    service: AgentService(
                        store: agents, roster: roster, tokens: gate.tokens, tokenLife: configuration.agentTokenLife,
                        presence: presence, limits: limits, clock: context.clock, logger: context.logger),
                    roster: roster, presence: presence
                ).declare(&routes)
                ManifestController(store: manifests, clock: context.clock).declare(&routes)
                TaskController(
                    service: TaskService(
                        tasks: tasks, roster: roster, manifests: manifests, tokens: gate.tokens, pusher: pusher,
                        configuration: configuration, context: context),
                    tasks: tasks, daemon: context.daemon
                ).declare(&routes)
            }
        }
    }

    /// What agents use, `/api/agent`.
    ///
    /// Open to the host, because each route checks the own token of the agent.
    func declareAgentSide(_ setup: inout PluginSetup) {
        setup.rootRoutes(claiming: ["/api/agent"], surface: .admin, access: .open) { routes in
            routes.group("/api/agent") { routes in
                HeartbeatController(
                    gate: gate, roster: roster, watch: watch, limits: limits, clock: context.clock
                ).declare(&routes)
                VerifyController(gate: gate, limits: limits).declare(&routes)
                ManifestReadController(gate: gate, manifests: manifests, limits: limits).declare(&routes)
                ReportController(
                    gate: gate, reports: TaskReports(tasks: tasks, roster: roster, clock: context.clock),
                    limits: limits
                ).declare(&routes)
                ProtocolController(
                    path: configuration.path(configuration.protocolDocument, context), files: context.blocking,
                    logger: context.logger
                ).declare(&routes)
                routes.group("", ownership: .yielding) { NoAlertsController(gate: gate).declare(&$0) }
            }
        }
    }

    /// What other plugins may ask.
    func provideDirectory(_ setup: inout PluginSetup) {
        setup.provide(
            .agentDirectory, RosterDirectory(gate: gate, roster: roster, presence: presence))
    }

    /// Heartbeats to disk, silent agents, keys read again, tasks whose time is over.
    func declareWatch(_ setup: inout PluginSetup) {
        setup.schedule("heartbeats", every: HeartbeatWriter.interval, jitter: 0) { [writer] in try await writer.save() }
        setup.schedule("presence", every: PresenceBoard.interval, jitter: 0) { [watch] in watch.look() }
        setup.schedule("pushes", every: TaskPusher.interval, jitter: 0) { [pusher] in try await pusher.pushDue() }
        let sweeper = TaskSweeper(tasks: tasks, clock: context.clock)
        setup.schedule("expiry", every: TaskSweeper.interval, jitter: 0) { try await sweeper.sweep() }
        setup.schedule("keys", every: KeySource.interval, jitter: 0) { [keys] in await keys.reload() }
    }
}
