import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// Seed 000 §6, `spec/agents.md` §1.
@Suite("agents are registered")
struct AgentRegistryTests {
    @Test("POST answers the whole agent in the mixed spelling, with defaults; nulls take them too")
    func add() async throws {
        try await withAgents { rig in
            let added = await rig.admin(.post, "/agents", ["id": "comfyui-158", "status": nil, "allowed": nil])
            #expect(added.status == .ok)
            #expect(
                added.json == [
                    "id": "comfyui-158", "name": nil, "role": nil, "host": nil, "baseUrl": nil, "status": "active",
                    "allowed": true, "config": nil, "metrics": nil, "last_seen_at": nil, "last_heartbeat_at": nil,
                    "last_manifest_version": nil, "created_at": "2026-01-01T00:00:00.000Z",
                    "updated_at": "2026-01-01T00:00:00.000Z", "online": false,
                ])
            #expect(await rig.admin(.get, "/agents/comfyui-158").json == added.json)
        }
    }

    @Test("the log keeps who decided what of an agent, and no token")
    func audit() async throws {
        try await withAgents { rig in
            _ = await rig.admin(.post, "/agents", ["id": "a"])
            let token = await rig.admin(.post, "/agents/a/token").json?["token"]?.stringValue ?? "none"
            _ = await rig.admin(.put, "/agents/a", ["allowed": false])
            _ = await rig.admin(.post, "/agents/a/token")
            _ = await rig.admin(.delete, "/agents/a")
            _ = await rig.admin(.delete, "/agents/a")
            let lines = rig.host.logs.lines(from: .notice).filter { $0["agent.id"] == "a" }
            #expect(lines.map(\.message) == ["agent added", "agent token issued", "agent changed", "agent deleted"])
            #expect(lines.allSatisfy { $0["by"] == "admin" })
            #expect(lines.map { $0["allowed"] } == [nil, nil, "false", nil])
            #expect(!lines.contains { "\($0)".contains(token) })
        }
    }

    @Test("both spellings of every key are taken", arguments: ["baseUrl", "base_url"])
    func spelling(_ key: String) async throws {
        try await withAgents { rig in
            let body: JSON = [
                "id": "a", "name": " node 158 ", "role": "full", "host": "h", .init(key): "http://10.0.0.8:18079",
                "status": "inactive", "allowed": false, "config": ["base_url": "kept", "x": [1]],
            ]
            let added = await rig.admin(.post, "/agents", body)
            #expect(added.json?["name"] == "node 158" && added.json?["baseUrl"] == "http://10.0.0.8:18079")
            #expect(added.json?["status"] == "inactive" && added.json?["allowed"] == false)
            #expect(added.json?["config"] == ["base_url": "kept", "x": [1]])
        }
    }

    @Test("an id is given once")
    func twice() async throws {
        try await withAgents { rig in
            _ = try await rig.addAgent("a")
            let again = await rig.admin(.post, "/agents", ["id": "a", "name": "other"])
            #expect(again.status == .conflict && again.json?["detail"] == "AGENT_ALREADY_EXISTS")
            #expect(await rig.admin(.get, "/agents/a").json?["name"] == .null)
        }
    }

    @Test(
        "a body that is no agent is answered with 422 and the place",
        arguments: [
            ([:], "id"), (["id": nil], "id"), (["id": 7], "id"), (["id": ""], "id"), (["id": "a b"], "id"),
            (["id": "a/b"], "id"), (["id": "."], "id"), (["id": ".."], "id"),
            (["id": .string(String(repeating: "a", count: 65))], "id"),
            (["id": "a", "name": .string(String(repeating: "é", count: 129))], "name"),
            (["id": "a", "role": 1], "role"), (["id": "a", "allowed": "perhaps"], "allowed"),
            (["id": "a", "config": []], "config"), (["id": "a", "baseUrl": "10.0.0.8:18079"], "baseUrl"),
            (["id": "a", "baseUrl": "file:///etc/passwd"], "baseUrl"),
            (["id": "a", "baseUrl": "http://u:p@10.0.0.8"], "baseUrl"), (["id": "a", "baseUrl": "http://"], "baseUrl"),
            (["id": "a", "baseUrl": "http://a/?x=1"], "baseUrl"), (["id": "a", "baseUrl": "http://a b"], "baseUrl"),
            (["id": "a", "status": .string(String(repeating: "s", count: 33))], "status"),
        ] as [(JSON, String)])
    func invalid(_ body: JSON, _ place: String) async throws {
        try await withAgents { rig in
            let answer = await rig.admin(.post, "/agents", body)
            #expect(answer.status == .unprocessableContent)
            let places = answer.json?["detail"]?.arrayValue?.map { $0["loc"] }
            #expect(places == [["body", .string(place)]])
            #expect(await rig.admin(.get, "/agents").json == [])
        }
    }

    @Test("the list: the last changed first, filters, and a limit that is clamped")
    func list() async throws {
        try await withAgents { rig in
            for (id, role) in [("a", "full"), ("b", "lite"), ("c", "full")] {
                _ = await rig.admin(.post, "/agents", ["id": .string(id), "role": .string(role)])
                rig.host.clock.advance(by: .seconds(1))
            }
            _ = await rig.admin(.put, "/agents/a", ["status": "deprecated"])
            func ids(_ query: String) async -> [String] {
                (await rig.admin(.get, "/agents\(query)").json?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
            }
            #expect(await ids("") == ["a", "c", "b"])
            #expect(await ids("?role=full") == ["a", "c"])
            #expect(await ids("?status=active&role=full") == ["c"])
            #expect(await ids("?limit=0") == ["a"])
            #expect(await ids("?limit=-5") == ["a"])
            #expect(await ids("?limit=2") == ["a", "c"])
            #expect(await ids("?limit=1&offset=1") == ["c"])
            #expect(await ids("?offset=99") == [])
            #expect(await rig.admin(.get, "/agents?offset=-1").status == .unprocessableContent)
            #expect(await rig.admin(.get, "/agents?limit=x").status == .unprocessableContent)
        }
    }

    @Test("PUT changes what is given: null clears what may be empty and leaves status and allowed")
    func change() async throws {
        try await withAgents { rig in
            let full: JSON = ["id": "a", "name": "n", "role": "full", "status": "inactive", "allowed": false]
            _ = await rig.admin(.post, "/agents", full)
            let changed = await rig.admin(
                .put, "/agents/a", ["id": "a", "name": nil, "status": nil, "allowed": nil, "config": ["k": 1]])
            #expect(changed.status == .ok && changed.json?["name"] == .null && changed.json?["role"] == "full")
            #expect(changed.json?["status"] == "inactive" && changed.json?["allowed"] == false)
            #expect(changed.json?["config"] == ["k": 1])
            let renamed = await rig.admin(.put, "/agents/a", ["id": "b"])
            #expect(renamed.status == .badRequest && renamed.json?["detail"] == "AGENT_ID_IMMUTABLE")
            #expect(await rig.admin(.put, "/agents/z", ["name": "x"]).json?["detail"] == "AGENT_NOT_FOUND")
            #expect(await rig.admin(.get, "/agents/z").status == .notFound)
        }
    }

    @Test("what is changed after a heartbeat is not lost, nor what the heartbeat said")
    func changeAfterHeartbeat() async throws {
        try await withAgents { rig in
            let token = try await rig.addAgent("a")
            let heartbeat: JSON = ["agent_version": "1.2.0", "payload": ["x": 1], "cpu": 3]
            #expect(await rig.agent(.post, "/agents/a/heartbeat", token: token, heartbeat).status == .ok)
            _ = await rig.admin(.put, "/agents/a", ["config": ["mine": true]])
            #expect(await rig.agent(.post, "/agents/a/heartbeat", token: token, heartbeat).status == .ok)
            let agent = await rig.admin(.get, "/agents/a").json
            #expect(agent?["config"] == ["mine": true, "heartbeat": ["x": 1], "agent_version": "1.2.0"])
            #expect(agent?["metrics"]?["cpu"] == 3 && agent?["online"] == true)
        }
    }

    @Test("what the administrator decided is there after a restart")
    func restart() async throws {
        let directory = try TestDirectory()
        try await withAgents(directory: directory) { rig in
            _ = try await rig.addAgent("a")
            _ = await rig.admin(.put, "/agents/a", ["allowed": false, "config": ["x": 1]])
            await rig.host.kill()
        }
        try await withAgents(directory: directory) { rig in
            let agent = await rig.admin(.get, "/agents/a").json
            #expect(agent?["allowed"] == false && agent?["config"] == ["x": 1])
            #expect(agent?["baseUrl"] == "http://10.0.0.8:18079")
        }
    }

    @Test("DELETE takes the tasks and their events along, but not while one is running")
    func delete() async throws {
        try await withAgent { rig, _ in
            _ = try await rig.pushed()
            try await rig.report("agt_1", .reported)
            let busy = await rig.admin(.delete, "/agents/comfyui-158")
            #expect(busy.status == .conflict && busy.json?["detail"] == "AGENT_HAS_RUNNING_TASK")
            let gone = await rig.admin(.delete, "/agents/comfyui-158?force=true")
            #expect(gone.status == .ok && gone.json == ["status": "deleted"])
            #expect(await rig.admin(.get, "/tasks").json == [])
            #expect(await rig.admin(.get, "/tasks/agt_1/events").json == [])
            #expect(await rig.admin(.delete, "/agents/comfyui-158").json?["detail"] == "AGENT_NOT_FOUND")
            #expect(await rig.admin(.get, "/agents").json == [])
        }
    }

    @Test("a token for an agent: for an hour, or as long as is asked for")
    func token() async throws {
        try await withAgents { rig in
            _ = try await rig.addAgent("a")
            for body in [nil, [:], ["ttlSeconds": 0], ["ttlSeconds": nil]] as [JSON?] {
                let answer = await rig.admin(.post, "/agents/a/token", body)
                #expect(answer.json?["scope"] == "agent" && answer.json?["agentId"] == "a")
                #expect(answer.json?["expiresAt"] == "2026-01-01T01:00:00.000Z")
            }
            let short = await rig.admin(.post, "/agents/a/token", ["ttl_seconds": 60])
            #expect(short.json?["expiresAt"] == "2026-01-01T00:01:00.000Z")
            for wrong in [59, -1, 31_536_001] {
                let answer = await rig.admin(.post, "/agents/a/token", ["ttlSeconds": .number(JSONNumber(wrong))])
                #expect(answer.status == .unprocessableContent, "\(wrong)")
            }
            #expect(await rig.admin(.post, "/agents/z/token").json?["detail"] == "AGENT_NOT_FOUND")
        }
    }

    @Test("one that is not allowed, or disabled in any spelling, gets no token and no task")
    func notAllowed() async throws {
        try await withAgent { rig, agent in
            for (index, change) in ([["allowed": false], ["status": "Disabled"]] as [JSON]).enumerated() {
                let id = "a\(index)"
                _ = try await rig.addAgent(id)
                _ = await rig.admin(.put, "/agents/\(id)", change)
                let token = await rig.admin(.post, "/agents/\(id)/token")
                #expect(token.status == .forbidden && token.json?["detail"] == "AGENT_NOT_ALLOWED")
                let task = await rig.admin(.post, "/tasks", ["agentId": .string(id)])
                #expect(task.status == .forbidden && task.json?["detail"] == "AGENT_NOT_ALLOWED")
            }
            #expect(agent.taken.isEmpty)
            #expect(await rig.admin(.get, "/tasks").json == [])
        }
    }

    @Test("the admin side wants an administrator, or a key with the scope agents")
    func access() async throws {
        try await withAgents { rig in
            let paths = ["/agents", "/manifests", "/tasks"].map { "/api/admin/comfyui\($0)" }
            let scoped = Principal(kind: .apiKey, id: "k", name: "K", scopes: ["agents"])
            for path in paths {
                let nobody = await rig.host.send(.get, path)
                #expect(nobody.status == .unauthorized && nobody.json?["detail"] == "AUTHORIZATION_REQUIRED")
                let other = await rig.host.send(.get, path, principal: .testKey)
                #expect(other.status == .forbidden && other.json?["detail"] == "ADMIN_ONLY")
                #expect(await rig.host.send(.get, path, principal: scoped).status == .ok)
            }
        }
    }
}
