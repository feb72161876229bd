import PluginAPI

/// The plugin's section of the configuration.
struct CatalogsConfiguration: ConfigurationSection {
    /// How long lines of the audit table are kept; zero for ever.
    let auditRetention: Duration

    init(_ config: inout ConfigReader) {
        auditRetention = config.value(
            "audit_retention", default: .zero, in: .zero ... .seconds(3650 * 86_400),
            "How long lines of the audit table are kept; 0 for ever.")
    }
}
