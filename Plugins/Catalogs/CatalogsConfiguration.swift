import PluginAPI

/// The plugin's section of the configuration.
struct CatalogsConfiguration: ConfigurationSection {
    /// Where ComfyUI's versions are read from.
    let versions: VersionSettings

    init(_ config: inout ConfigReader) {
        versions = config.section(
            "versions", as: VersionSettings.self, "Where the sync of the version catalog reads ComfyUI's versions.")
    }
}
