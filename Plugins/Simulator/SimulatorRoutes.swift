internal import PluginAPI

/// Puts the routes of all features together.
struct SimulatorRoutes: Sendable {
    let server: SimulatedServer

    func declare(in group: inout RouteGroup) {
        ControlController(server: server).declare(in: &group)
        group.group("", middleware: [FaultMiddleware(server: server)]) { group in
            SocketController(server: server).declare(in: &group)
            var table = MethodTable()
            PromptController(server: server).declare(in: &table)
            QueueController(server: server).declare(in: &table)
            HistoryController(server: server).declare(in: &table)
            UploadController(server: server).declare(in: &table)
            ViewController(server: server).declare(in: &table)
            InfoController(server: server).declare(in: &table)
            InternalController(server: server).declare(in: &table)
            UserController(server: server).declare(in: &table)
            UserdataController(server: server).declare(in: &table)
            table.declare(in: &group)
        }
    }
}
