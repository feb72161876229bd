import PluginAPI

extension WorkflowsPlugin {
    /// Seed 002: named workflows, and what became of them.
    func declareNamed(_ setup: inout PluginSetup) {
        let prefixes = [
            "/api/test_comfy", "/api/workflows", "/api/workflow", "/api/task_status", "/api/image", "/api/status",
            "/api/view_queue",
        ]
        setup.rootRoutes(claiming: prefixes, surface: .named, access: .usingJobs) { routes in
            routes.group("", middleware: [UpstreamErrors()]) { routes in
                NamedController(store: store, backends: backends, context: context).declare(&routes)
            }
        }
    }
}
