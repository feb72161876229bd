import PluginAPI

/// The plugin's section of the configuration.
struct CatalogsConfiguration: ConfigurationSection {
    /// How long lines of the audit table are kept; zero for ever.
    let auditRetention: Duration
    /// Where ComfyUI's versions are read from.
    let versions: VersionSettings

    init(_ config: inout ConfigReader) {
        auditRetention = config.value(
            "audit_retention", default: .zero, in: .zero ... .seconds(3650 * 86_400),
            "How long lines of the audit table are kept; 0 for ever.")
        versions = config.section(
            "versions", as: VersionSettings.self, "Where the sync of the version catalog reads ComfyUI's versions.")
    }
}
