import PluginAPI

/// The plugin's section of the configuration.
struct CatalogsConfiguration: ConfigurationSection {
    /// Servers besides a gateway's workers, and other ids for those.
    let executors: [ExecutorEntry]
    /// How long it is remembered what a server has.
    let objectInfoTTL: Duration
    /// How many snapshots of differences between servers are kept.
    let diffKeep: Int
    /// How long lines of the audit table are kept; zero for ever.
    let auditRetention: Duration
    /// Where ComfyUI's versions are read from.
    let versions: VersionSettings

    init(_ config: inout ConfigReader) {
        executors = config.list(
            "executors", of: ExecutorEntry.self, "Servers besides a gateway's workers, and other ids for those.")
        var ids: Set<String> = []
        for (index, entry) in executors.enumerated() where !ids.insert(entry.id).inserted {
            config.report("this id is there twice", at: "executors[\(index + 1)].id")
        }
        objectInfoTTL = config.value(
            "object_info_ttl", default: .seconds(60), in: .zero ... .seconds(86_400),
            "How long it is remembered what a server has; 0 asks it each time.")
        diffKeep = config.value(
            "diff_keep", default: 100, in: 1...100_000,
            "How many snapshots of differences between servers are kept; the oldest go.")
        auditRetention = config.value(
            "audit_retention", default: .zero, in: .zero ... .seconds(3650 * 86_400),
            "How long lines of the audit table are kept; 0 for ever.")
        versions = config.section(
            "versions", as: VersionSettings.self, "Where the sync of the version catalog reads ComfyUI's versions.")
    }
}
