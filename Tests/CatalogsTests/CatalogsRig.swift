import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// The plugin with a database of its own and scripted servers.
struct CatalogsRig: Sendable {
    let host: TestHost<CatalogsPlugin>

    /// Sends a request as the administrator, below `/api/admin/comfyui`.
    func send(_ method: HTTPMethod, _ path: String, _ body: JSON? = nil) async -> TestResponse {
        let path = "/api/admin/comfyui\(path)"
        guard let body else { return await host.send(method, path, principal: .testAdmin) }
        return await host.send(method, path, json: body, principal: .testAdmin)
    }
}

/// Runs a body with the plugin, and stops it afterwards.
func withCatalogs(
    configuration: JSON = [:], environment: [String: String] = [:], capabilities: Capabilities = Capabilities(),
    daemon: DaemonSettings? = nil, directory: TestDirectory? = nil,
    body: (CatalogsRig) async throws -> Void
) async throws {
    let host = try TestHost<CatalogsPlugin>(
        configuration: configuration, environment: environment, capabilities: capabilities, daemon: daemon,
        directory: directory)
    try await host.start()
    do {
        try await body(CatalogsRig(host: host))
    } catch {
        await host.stop()
        throw error
    }
    await host.stop()
}
