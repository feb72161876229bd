public import CPluginABI
import PluginAPI

/// The entry point by which the host finds the plugin.
@c(comfyd_plugin_Alerts)
public func comfyd_plugin_Alerts(_ descriptor: UnsafeMutablePointer<comfyd_plugin_descriptor>) {
    comfyd_plugin_declare(descriptor) { PluginBox.create(AlertsPlugin.self) }
}
