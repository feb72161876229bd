import PluginAPI

extension CatalogsPlugin {
    /// Import and export.
    func declareBulk(_ routes: inout RouteGroup) {
        for kind in CatalogKind.all {
            BulkController(
                kind: kind, store: store, blocking: context.blocking, byteLimit: context.daemon.uploadLimit
            ).declare(&routes)
        }
    }
}
