public import PluginAPI

/// What there is and where it is: LoRAs, models, node classes and versions, and what each server has (seed 000 §1–5).
public struct CatalogsPlugin: Plugin {
    /// Name, version and needs.
    public static let manifest = PluginManifest(
        name: "catalogs", version: "0.1.0",
        summary: "Catalogs of LoRAs, models, node classes and versions; what servers have and how they differ.",
        uses: [.optional(.comfyBackend)])

    let configuration: CatalogsConfiguration
    let context: PluginContext
    let store: CatalogStore
    let directory: ServerDirectory
    let inventories: InventoryCache

    /// Keeps its values.
    public init(configuration: Settings, context: PluginContext) {
        self.configuration = configuration.values
        self.context = context
        store = CatalogStore(database: context.database, clock: context.clock)
        directory = ServerDirectory(context: context, executors: configuration.values.executors)
        inventories = InventoryCache(context: context, ttl: configuration.values.objectInfoTTL)
    }

    /// Declares everything.
    public func configure(_ setup: inout PluginSetup) {
        setup.migrate([CatalogSchema.migration, AuditLog.migration, DiffStore.migration])
        declareAuditRetention(&setup)
        setup.rootRoutes(claiming: Self.prefixes, surface: .admin, access: .managingCatalogs) { routes in
            routes.group("/api/admin/comfyui") { routes in
                declareEntries(&routes)
                declareBulk(&routes)
                declareServers(&routes)
                declareDifferences(&routes)
                declareVersions(&routes)
            }
        }
    }

    /// The paths that are this plugin's; the rest of `/api/admin/comfyui` belongs to others.
    private static let prefixes =
        (CatalogKind.all.map(\.name) + [
            "audit", "models", "system-stats", "queue-status", "queue-summary", "server-diff", "servers",
        ]).map { "/api/admin/comfyui/\($0)" }
}

extension CatalogsPlugin {
    /// The plugin's section, as the host reads it.
    public struct Settings: ConfigurationSection {
        let values: CatalogsConfiguration

        /// Reads the section.
        public init(_ config: inout ConfigReader) {
            values = CatalogsConfiguration(&config)
        }
    }
}

extension Access {
    /// The administrator, or a key that may manage the catalogs.
    static let managingCatalogs = Access.scope("catalogs")
}
