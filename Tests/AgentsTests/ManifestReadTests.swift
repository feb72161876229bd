import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// Seed 001 §1 and §3, `spec/agents.md` §6.1, §6.5.
@Suite struct ManifestReadTests {
    @Test("the seed's manifest is read with the task's token")
    func seed() async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask(withManifest: true)
            let answer = await rig.agent(.get, "/manifests/\(task.manifestID ?? 0)", token: token)
            #expect(answer.status == .ok, "\(answer)")
            #expect(answer.json?["role"] == "full")
            #expect(answer.json?["version"] == "2026.02.05-001")
            #expect(
                answer.json?["content"] == [
                    "comfyui": ["commit": "abc"], "models": [], "plugins": [], "workflows": [],
                ])
        }
    }

    @Test("a change of the manifest does not reach a task that was made before")
    func snapshot() async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask(withManifest: true)
            let id = task.manifestID ?? 0
            #expect(await rig.admin(.put, "/manifests/\(id)", ["content": ["models": ["new"]]]).status == .ok)
            let answer = await rig.agent(.get, "/manifests/\(id)", token: token)
            #expect(answer.json?["content"]?["models"] == [])
        }
    }

    @Test("another manifest is forbidden whether it exists or not, and so is any for a task without one")
    func forbidden() async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask(withManifest: true)
            let other = try await rig.addManifest("2")
            for id in [other, 99] {
                rig.expect(await rig.agent(.get, "/manifests/\(id)", token: token), .manifestForbidden)
            }
            let plain = try await rig.addTask("plain")
            let mine = "/manifests/\(task.manifestID ?? 0)"
            rig.expect(await rig.agent(.get, mine, token: try rig.token(of: plain)), .manifestForbidden)
            #expect(await rig.agent(.get, "/manifests/abc", token: token).status == 422)
        }
    }

    @Test("the protocol document is read at each request, and a copy is built in")
    func protocolDocument() async throws {
        let directory = try TestDirectory()
        let path = try directory.folder("docs") + "/agent-protocol.md"
        try await withAgents(directory: directory) { rig in
            let missing = await rig.agent(.get, "/docs/agent-protocol", token: nil)
            #expect(missing.status == .ok)
            #expect(missing.headers["Content-Type"] == "text/markdown; charset=utf-8")
            // The one that is built in.
            #expect(missing.text.hasPrefix("# Agent protocol"))
            #expect(missing.text.contains("POST /auth/verify"))
            for text in ["# One", "# Zwei – ä"] {
                try Files.write(text, to: path)
                #expect(await rig.agent(.get, "/docs/agent-protocol", token: nil).text == text)
            }
        }
    }

    @Test("the document may be anywhere")
    func configuredDocument() async throws {
        let directory = try TestDirectory()
        try Files.write("mine", to: directory.path + "/p.md")
        let configuration: JSON = ["protocol_document": .string(directory.path + "/p.md")]
        try await withAgents(configuration: configuration) { rig in
            #expect(await rig.agent(.get, "/docs/agent-protocol", token: nil).text == "mine")
        }
    }
}
