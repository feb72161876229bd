import PluginAPI
import PluginTestKit
import Testing

@testable import Alerts

/// Runs a body with the plugin, and stops it afterwards.
func withAlerts(
    configuration: JSON = [:], capabilities: Capabilities = Capabilities(),
    body: (TestHost<AlertsPlugin>) async throws -> Void
) async throws {
    let host = try TestHost<AlertsPlugin>(configuration: configuration, capabilities: capabilities)
    try await host.start()
    do {
        try await body(host)
    } catch {
        await host.stop()
        throw error
    }
    await host.stop()
}
