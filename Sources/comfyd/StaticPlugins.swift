import PluginAPI

#if StaticPlugins
    import Agents
    import Alerts
    import Catalogs
    import Gateway
    import Simulator
    import Workflows

    /// The plugins that `--traits StaticPlugins` links into the executable, by configuration name.
    enum StaticPlugins {
        static let all: [String: any Plugin.Type] = [
            AgentsPlugin.manifest.name: AgentsPlugin.self,
            AlertsPlugin.manifest.name: AlertsPlugin.self,
            CatalogsPlugin.manifest.name: CatalogsPlugin.self,
            GatewayPlugin.manifest.name: GatewayPlugin.self,
            SimulatorPlugin.manifest.name: SimulatorPlugin.self,
            WorkflowsPlugin.manifest.name: WorkflowsPlugin.self,
        ]
    }
#else
    /// No plugin is linked into the executable; all are loaded from files.
    enum StaticPlugins {
        static let all: [String: any Plugin.Type] = [:]
    }
#endif
