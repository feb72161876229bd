public import PluginAPI

/// Alerts of agents: received, listed, acknowledged, and told to people (seed 000 §9, seed 001 §8).
public struct AlertsPlugin: Plugin {
    /// Name, version and needs.
    public static let manifest = PluginManifest(
        name: "alerts", version: "0.1.0", summary: "Alerts of agents: received, listed, acknowledged, sent on.",
        uses: [.optional(.agentDirectory)])

    let context: PluginContext

    /// Keeps its values.
    public init(configuration: NoConfiguration, context: PluginContext) {
        self.context = context
    }

    /// Declares everything.
    public func configure(_ setup: inout PluginSetup) {}
}
