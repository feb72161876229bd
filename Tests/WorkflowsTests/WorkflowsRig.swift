import Glibc
import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Workflows

/// The plugin over a scripted backend, with a folder of workflows of its own.
struct WorkflowsRig: Sendable {
    let host: TestHost<WorkflowsPlugin>
    let backend: FakeBackend

    /// Starts it.
    init(
        configuration: JSON = [:], openSurfaces: Bool = true, directory: TestDirectory? = nil,
        files: [String: String] = [:],
        _ script: (inout FakeBackend.Script) -> Void = { _ in }
    ) async throws {
        backend = FakeBackend()
        backend.script(script)
        host = try TestHost<WorkflowsPlugin>(
            configuration: configuration, openSurfaces: openSurfaces, capabilities: backend.capabilities,
            directory: directory)
        _ = try host.directory.folder("workflows")
        for (name, text) in files { try write(text, to: name) }
        try await host.start()
    }

    /// The folder of the workflows.
    var folder: String { host.directory.path + "/workflows" }

    /// Writes a file as an editor that saves in place.
    func write(_ text: String, to name: String) throws {
        let file = open("\(folder)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        try #require(file >= 0)
        defer { close(file) }
        let bytes = Array(text.utf8)
        #expect(Glibc.write(file, bytes, bytes.count) == bytes.count)
    }

    /// Runs a named workflow.
    func run(_ name: String, _ body: JSON = [:], principal: Principal? = nil) async -> TestResponse {
        await host.send(.post, "/api/workflow/\(name)", json: body, principal: principal)
    }

    /// The graph that was submitted last.
    var submitted: JSON? { backend.calls.submissions.last?.prompt }
}

/// Runs a body with the plugin, and stops it afterwards.
func withWorkflows(
    configuration: JSON = [:], openSurfaces: Bool = true, directory: TestDirectory? = nil,
    files: [String: String] = [:], _ script: (inout FakeBackend.Script) -> Void = { _ in },
    body: (WorkflowsRig) async throws -> Void
) async throws {
    let rig = try await WorkflowsRig(
        configuration: configuration, openSurfaces: openSurfaces, directory: directory, files: files, script)
    do {
        try await body(rig)
    } catch {
        await rig.host.stop()
        throw error
    }
    await rig.host.stop()
}
