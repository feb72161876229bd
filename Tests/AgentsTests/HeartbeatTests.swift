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
}
