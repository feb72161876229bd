import PluginAPI

/// The plugin's section of the configuration.
struct CatalogsConfiguration: ConfigurationSection {
    /// How many snapshots of differences between servers are kept.
    let diffKeep: Int

    init(_ config: inout ConfigReader) {
        diffKeep = config.value(
            "diff_keep", default: 100, in: 1...100_000,
            "How many snapshots of differences between servers are kept; the oldest go.")
    }
}
