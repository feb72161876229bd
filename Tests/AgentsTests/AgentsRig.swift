import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// The plugin with a database of its own; agents are scripted by the host's client.
struct AgentsRig: Sendable {
    let host: TestHost<AgentsPlugin>

    /// Sends a request as the administrator, below `/api/admin/comfyui`.
    func admin(_ method: HTTPMethod, _ path: String, _ body: JSON? = nil) async -> TestResponse {
        let path = "/api/admin/comfyui\(path)"
        guard let body else { return await host.send(method, path, principal: .testAdmin) }
        return await host.send(method, path, json: body, principal: .testAdmin)
    }

    /// Sends a request as an agent, below `/api/agent`.
    func agent(_ method: HTTPMethod, _ path: String, token: String?, _ body: JSON? = nil) async -> TestResponse {
        let headers: HTTPFields = token.map { ["Authorization": "Bearer \($0)"] } ?? [:]
        guard let body else { return await host.send(method, "/api/agent\(path)", headers: headers) }
        return await host.send(method, "/api/agent\(path)", headers: headers, json: body)
    }

    /// Adds an agent and makes a token for it.
    func addAgent(_ id: String = "comfyui-158", baseURL: String? = "http://10.0.0.8:18079") async throws -> String {
        let added = await admin(.post, "/agents", ["id": .string(id), "baseUrl": baseURL.map { .string($0) } ?? .null])
        #expect(added.status == .ok, "\(added)")
        return try #require(await admin(.post, "/agents/\(id)/token").json?["token"]?.stringValue)
    }
}

/// Runs a body with the plugin, and stops it afterwards.
func withAgents(
    configuration: JSON = [:], environment: [String: String] = [:], capabilities: Capabilities = Capabilities(),
    directory: TestDirectory? = nil, body: (AgentsRig) async throws -> Void
) async throws {
    let host = try TestHost<AgentsPlugin>(
        configuration: configuration, environment: environment, capabilities: capabilities, directory: directory)
    try await host.start()
    do {
        try await body(AgentsRig(host: host))
    } catch {
        await host.stop()
        throw error
    }
    await host.stop()
}
