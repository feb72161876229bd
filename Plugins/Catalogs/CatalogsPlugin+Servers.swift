import PluginAPI

extension CatalogsPlugin {
    /// Declares what tells of servers, and the list of LoRAs, which tells of one too.
    func declareServers(_ routes: inout RouteGroup) {
        let queues = QueueReader(context: context)
        ServerController(directory: directory, inventories: inventories, queues: queues).declare(&routes)
        ServerListController(
            directory: directory, queues: queues, marks: ServerMarkStore(database: context.database)
        ).declare(&routes)
        LoraListController(
            store: store,
            finder: LoraFinder(
                directory: directory, inventories: inventories, files: LoraFiles(database: context.database),
                blocking: context.blocking)
        ).declare(&routes)
    }
}
