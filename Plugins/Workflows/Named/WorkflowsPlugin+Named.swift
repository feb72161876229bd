import PluginAPI

extension WorkflowsPlugin {
    /// Seed 002: named workflows, what became of prompts, and the servers.
    func declareNamed(_ setup: inout PluginSetup) {
        let look = TaskLook(backends: backends, clock: context.clock)
        let prefixes = [
            "/api/test_comfy", "/api/workflows", "/api/workflow", "/api/task_status", "/api/image", "/api/status",
            "/api/view_queue",
        ]
        setup.rootRoutes(claiming: prefixes, surface: .named, access: .usingJobs) { routes in
            routes.group("", middleware: [UpstreamErrors()]) { routes in
                NamedController(store: store, backends: backends, context: context).declare(&routes)
                WorkflowFileController(store: store, bodyLimit: context.daemon.jsonBodyLimit).declare(&routes)
                TaskStatusController(look: look, imageURLs: configuration.imageURLs, context: context).declare(&routes)
                TaskImagesController(look: look, imageURLs: configuration.imageURLs, context: context).declare(&routes)
                ServerController(look: look).declare(&routes)
            }
        }
        setup.rootRoutes(claiming: ["/api/history"], surface: .named, access: .usingJobs, ownership: .yielding) {
            routes in
            routes.group("", middleware: [UpstreamErrors()]) { routes in
                TaskHistoryController(look: look, context: context).declare(&routes)
            }
        }
    }
}
