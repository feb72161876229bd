import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// Seed 000 §7, `spec/agents.md` §3.
@Suite("manifests")
struct ManifestTests {
    @Test("POST answers the whole manifest, in either spelling")
    func add() async throws {
        try await withAgents { rig in
            let content: JSON = ["comfyui": ["commit": "abc"], "models": [], "plugins": [], "workflows": []]
            let added = await rig.admin(
                .post, "/manifests",
                [
                    "role": "full", "version": "2026.02.05-001", "content": content, "notes": "first",
                    "download_url": "https://files/m.json", "status": nil,
                ])
            #expect(added.status == .ok)
            #expect(
                added.json == [
                    "id": 1, "role": "full", "version": "2026.02.05-001", "status": "active",
                    "downloadUrl": "https://files/m.json", "content": content, "notes": "first",
                    "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z",
                ])
            #expect(await rig.admin(.get, "/manifests/1").json == added.json)
        }
    }

    @Test("a role has each version once, on the way in and by a change")
    func twice() async throws {
        try await withAgents { rig in
            for version in ["1", "2"] {
                _ = await rig.admin(.post, "/manifests", ["role": "full", "version": .string(version)])
            }
            let again = await rig.admin(.post, "/manifests", ["role": "full", "version": "2"])
            #expect(again.status == .conflict && again.json?["detail"] == "AGENT_MANIFEST_EXISTS")
            #expect(await rig.admin(.put, "/manifests/1", ["version": "2"]).status == .conflict)
            #expect(await rig.admin(.post, "/manifests", ["role": "lite", "version": "2"]).status == .ok)
        }
    }

    @Test(
        "a body that is no manifest is answered with 422, each problem once",
        arguments: [
            ([:], ["role", "version"]), (["role": "full"], ["version"]), (["role": " ", "version": "1"], ["role"]),
            (["role": nil, "version": "1"], ["role"]), (["role": 7, "version": []], ["role", "version"]),
            (["role": .string(String(repeating: "r", count: 65)), "version": "1"], ["role"]),
            (["role": "full", "version": "1", "content": "x"], ["content"]),
            (["role": "full", "version": "1", "downloadUrl": "ftp://x"], ["downloadUrl"]),
            (["role": "full", "version": "1", "status": 5], ["status"]),
        ] as [(JSON, [String])])
    func invalid(_ body: JSON, _ places: [String]) async throws {
        try await withAgents { rig in
            let answer = await rig.admin(.post, "/manifests", body)
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json?["detail"]?.arrayValue?.compactMap { $0["loc"]?[1]?.stringValue } == places)
        }
    }

    @Test("PUT changes what is given; null clears what may be empty")
    func change() async throws {
        try await withAgents { rig in
            _ = await rig.admin(
                .post, "/manifests", ["role": "full", "version": "1", "notes": "n", "content": ["models": []]])
            rig.host.clock.advance(by: .seconds(5))
            let changed = await rig.admin(
                .put, "/manifests/1", ["notes": nil, "status": "retired", "role": nil, "version": "1b"])
            #expect(changed.json?["notes"] == .null && changed.json?["status"] == "retired")
            #expect(changed.json?["role"] == "full" && changed.json?["version"] == "1b")
            #expect(changed.json?["content"] == ["models": []])
            #expect(changed.json?["updated_at"] == "2026-01-01T00:00:05.000Z")
            #expect(changed.json?["created_at"] == "2026-01-01T00:00:00.000Z")
        }
    }

    @Test("the list and its filters; what is not there")
    func list() async throws {
        try await withAgents { rig in
            for (role, version) in [("full", "1"), ("lite", "1"), ("full", "2")] {
                _ = await rig.admin(.post, "/manifests", ["role": .string(role), "version": .string(version)])
                rig.host.clock.advance(by: .seconds(1))
            }
            _ = await rig.admin(.put, "/manifests/1", ["status": "retired"])
            func ids(_ query: String) async -> [Int] {
                (await rig.admin(.get, "/manifests\(query)").json?.arrayValue ?? []).compactMap { $0["id"]?.intValue }
            }
            #expect(await ids("") == [1, 3, 2])
            #expect(await ids("?role=full&status=active") == [3])
            #expect(await ids("?limit=1") == [1])
            #expect(await ids("?limit=1&offset=1") != [1])
            for method in [HTTPMethod.get, .put] {
                let none = await rig.admin(method, "/manifests/99", method == .get ? nil : ["notes": "x"])
                #expect(none.status == .notFound && none.json?["detail"] == "AGENT_MANIFEST_NOT_FOUND")
                #expect(await rig.admin(method, "/manifests/x", [:]).status == .unprocessableContent)
            }
        }
    }

    @Test("a task keeps the manifest as it was when the task was made")
    func snapshot() async throws {
        try await withAgents { rig in
            _ = try await rig.addAgent("a")
            _ = await rig.admin(.post, "/manifests", ["role": "full", "version": "1", "content": ["models": [1]]])
            let made = await rig.admin(
                .post, "/tasks?push=false", ["agentId": "a", "manifestId": 1, "taskId": "agt_1"])
            #expect(made.status == .ok)
            _ = await rig.admin(.put, "/manifests/1", ["version": "2", "content": ["models": [2]]])
            let task = try await rig.host.plugin.tasks.find("agt_1")
            let manifest = try await rig.tasks.manifest(of: task.id)
            #expect(manifest["version"] == "1" && manifest["content"] == ["models": [1]])
        }
    }
}
