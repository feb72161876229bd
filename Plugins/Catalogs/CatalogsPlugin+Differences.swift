import PluginAPI

extension CatalogsPlugin {
    /// Declares the routes of server differences.
    func declareDifferences(_ routes: inout RouteGroup) {
        let store = DiffStore(
            database: context.database, clock: context.clock, keep: configuration.diffKeep,
            marks: ServerMarkStore(database: context.database))
        DiffController(
            service: DiffService(
                store: store, directory: directory, inventories: inventories, blocking: context.blocking)
        ).declare(&routes)
    }
}
