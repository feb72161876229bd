import PluginAPI

extension CatalogsPlugin {
    /// Declares the routes that fill the version catalog.
    func declareVersions(_ routes: inout RouteGroup) {
        let settings = configuration.versions
        let reader = TagReader(
            apiBase: settings.apiBase, token: settings.token, http: context.httpClient, clock: context.clock)
        VersionSyncController(sync: VersionSync(settings: settings, store: store, reader: reader)).declare(&routes)
    }
}
