import PluginAPI

extension WorkflowsPlugin {
    /// Declares the service `/api/v1` with its WebSocket, `/` and `/health`.
    func declareV1(in setup: inout PluginSetup) {
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
    }
}
