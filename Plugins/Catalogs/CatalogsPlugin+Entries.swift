import PluginAPI

extension CatalogsPlugin {
    /// Declares the four catalogs and the audit table.
    func declareEntries(_ routes: inout RouteGroup) {
        for kind in CatalogKind.all {
            let controller = CatalogController(kind: kind, store: store)
            controller.declare(&routes)
            if kind.name != CatalogKind.loras.name { controller.declareList(&routes) }
        }
        AuditController(store: AuditStore(context)).declare(&routes)
    }

    /// Declares what deletes old lines of the audit table, if any are to be deleted.
    func declareAuditRetention(_ setup: inout PluginSetup) {
        let age = configuration.auditRetention
        guard age > .zero else { return }
        setup.schedule("audit-retention", every: .seconds(600)) { [store = AuditStore(context)] in
            try await store.deleteOlder(than: age)
        }
    }
}
