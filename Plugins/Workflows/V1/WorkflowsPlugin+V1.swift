import PluginAPI

extension WorkflowsPlugin {
    /// Seed 004: `/api/v1`.
    func declareV1(_ setup: inout PluginSetup) {
        let submitter = WorkflowSubmitter(backends: backends)
        let interrupter = WorkflowInterrupter(backends: backends)
        setup.rootRoutes(claiming: ["/api/v1"], surface: .v1, access: .usingJobs) { routes in
            routes.group("", middleware: [V1Failures()]) { routes in
                SubmitController(submitter: submitter, bodyLimit: context.daemon.jsonBodyLimit).declare(&routes)
                ResultController(
                    reader: WorkflowReader(backends: backends), daemon: context.daemon,
                    imageURLs: configuration.imageURLs
                ).declare(&routes)
                InterruptController(interrupter: interrupter).declare(&routes)
                QueueController(backends: backends).declare(&routes)
                declareImages(&routes)
                SocketController(
                    services: SocketServices(
                        backends: backends, submitter: submitter, interrupter: interrupter, ledger: ledger,
                        clock: context.clock, logger: context.logger, timeout: configuration.timeout),
                    registry: sessions
                ).declare(&routes)
            }
        }
    }

    /// What the service says of itself.
    func declareService(_ setup: inout PluginSetup) {
        setup.rootRoutes(claiming: ["/", "/health"], surface: .native, access: .open) { routes in
            let version = configuration.appVersion.isEmpty ? context.daemon.version : configuration.appVersion
            ServiceController(backends: backends, name: configuration.appName, version: version).declare(&routes)
        }
    }
}
