import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// Seed 001 §7, `spec/agents.md` §6.6.
@Suite struct HeartbeatTests {
    @Test("the seed's heartbeat is answered as the seed says, and shows at the agent")
    func seed() async throws {
        try await withAgents { rig in
            let token = try await rig.addAgent()
            let answer = await rig.agent(
                .post, "/agents/comfyui-158/heartbeat", token: token,
                [
                    "status": "active", "cpu": 35, "mem": 62, "disk_free_gb": 120,
                    "gpu": ["available": true, "util": 42],
                    "metrics": ["cpu": 0.42, "memory": 0.78, "disk": 0.61, "gpu": 0.55], "agent_version": "1.2.0",
                    "comfyui_version": "abc",
                ])
            #expect(answer.status == .ok, "\(answer)")
            #expect(answer.json?["status"] == "ok")
            let agent = await rig.admin(.get, "/agents/comfyui-158").json
            #expect(agent?["metrics"]?["cpu"] == 35)
            #expect(agent?["metrics"]?["memory"] == 0.78)
            #expect(agent?["config"]?["comfyui_version"] == "abc")
            #expect(agent?["online"] == true)
        }
    }

    @Test("a heartbeat cannot lock its agent out", arguments: ["disabled", "DISABLED"])
    func lockOut(_ word: String) async throws {
        try await withAgents { rig in
            let token = try await rig.addAgent()
            for _ in 0..<2 {
                let answer = await rig.agent(
                    .post, "/agents/comfyui-158/heartbeat", token: token, ["status": .string(word), "allowed": false])
                #expect(answer.status == .ok)
            }
            let agent = await rig.admin(.get, "/agents/comfyui-158").json
            #expect(agent?["status"] == "active")
            #expect(agent?["allowed"] == true)
        }
    }

    @Test("a heartbeat does not undo what an administrator decided")
    func decision() async throws {
        try await withAgents { rig in
            let token = try await rig.addAgent()
            let beat = { @Sendable () async -> TestResponse in
                await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token, ["status": "active"])
            }
            _ = await rig.admin(.put, "/agents/comfyui-158", ["status": "inactive"])
            #expect(await beat().status == .ok)
            #expect(await rig.admin(.get, "/agents/comfyui-158").json?["status"] == "inactive")
            for body in [["status": "disabled"], ["status": "active", "allowed": false]] as [JSON] {
                _ = await rig.admin(.put, "/agents/comfyui-158", body)
                let before = await rig.admin(.get, "/agents/comfyui-158").json
                rig.expect(await beat(), .agentNotAllowed)
                #expect(await rig.admin(.get, "/agents/comfyui-158").json == before)
            }
        }
    }

    @Test("versions are kept without a payload, in either spelling, and the operator's configuration stays")
    func versions() async throws {
        try await withAgents { rig in
            let token = try await rig.addAgent()
            _ = await rig.admin(.put, "/agents/comfyui-158", ["config": ["rack": 7]])
            for body in [["agentVersion": "1.3.0"], ["comfyui_version": "def"], ["payload": ["n": 1]]] as [JSON] {
                #expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token, body).status == .ok)
            }
            let config = await rig.admin(.get, "/agents/comfyui-158").json?["config"]
            #expect(
                config == ["rack": 7, "heartbeat": ["n": 1], "agent_version": "1.3.0", "comfyui_version": "def"])
        }
    }

    @Test("metrics are replaced as a whole, and stay when a heartbeat brings none")
    func metrics() async throws {
        try await withAgents { rig in
            let token = try await rig.addAgent()
            for (body, expected) in [
                (["metrics": ["cpu": 0.4, "disk": 0.5], "cpu": 40], ["cpu": 40, "disk": 0.5]),
                ([:], ["cpu": 40, "disk": 0.5]), (["mem": 1], ["mem": 1]),
            ] as [(JSON, JSON)] {
                #expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token, body).status == .ok)
                #expect(await rig.admin(.get, "/agents/comfyui-158").json?["metrics"] == expected)
            }
        }
    }

    @Test("an agent whose token outlives it is unknown, and a malformed heartbeat changes nothing")
    func refusals() async throws {
        try await withAgents { rig in
            let token = try await rig.addAgent()
            for body in [["cpu": "much"], ["metrics": []], ["status": 1], []] as [JSON] {
                let answer = await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token, body)
                #expect(answer.status == 422)
            }
            #expect(await rig.admin(.get, "/agents/comfyui-158").json?["last_heartbeat_at"] == .null)
            _ = await rig.admin(.delete, "/agents/comfyui-158")
            rig.expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token, [:]), .agentNotFound)
        }
    }

    @Test("more than sixty heartbeats a minute are too many")
    func flood() async throws {
        try await withAgents { rig in
            let token = try await rig.addAgent()
            for _ in 0..<60 {
                #expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token).status == .ok)
            }
            let refused = await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token)
            rig.expect(refused, .rateLimited)
            rig.host.clock.advance(by: .seconds(1))
            #expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token).status == .ok)
        }
    }

    @Test("an agent that is added again begins anew: its rate, and its silence")
    func addedAgain() async throws {
        try await withAgents { rig in
            let beat = { @Sendable (token: String) async -> Status in
                await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token).status
            }
            var token = try await rig.addAgent()
            for _ in 0..<60 { #expect(await beat(token) == .ok) }
            _ = await rig.admin(.delete, "/agents/comfyui-158")
            token = try await rig.addAgent()
            // It was never heard of: its silence is no news.
            try await rig.host.clock.drive(for: .seconds(190))
            #expect(rig.host.events.events(AgentPresenceChanged.self).isEmpty)
            token = try #require(await rig.admin(.post, "/agents/comfyui-158/token").json?["token"]?.stringValue)
            for _ in 0..<60 { #expect(await beat(token) == .ok) }
            _ = await rig.admin(.delete, "/agents/comfyui-158")
            token = try await rig.addAgent()
            #expect(await beat(token) == .ok)
        }
    }
}
