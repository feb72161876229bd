import PluginAPI

/// The plugin's section of the configuration.
struct CatalogsConfiguration: ConfigurationSection {
    init(_ config: inout ConfigReader) {
    }
}
