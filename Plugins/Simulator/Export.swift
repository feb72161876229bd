public import CPluginABI
internal import PluginAPI

/// The C entry point of the plugin.
@c(comfyd_plugin_Simulator)
public func comfyd_plugin_Simulator(_ descriptor: UnsafeMutablePointer<comfyd_plugin_descriptor>) {
    comfyd_plugin_declare(descriptor) { PluginBox.create(SimulatorPlugin.self) }
}
