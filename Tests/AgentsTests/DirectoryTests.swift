import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// What other plugins learn of the agents, and what agents learn where no plugin takes alerts.
@Suite struct DirectoryTests {
    private func request(_ token: String?) -> Request {
        Request(
            id: "r", method: .post, target: "/api/agent/agents/comfyui-158/alerts",
            headers: token.map { ["Authorization": "Bearer \($0)"] } ?? [:])
    }

    private func code(_ directory: any AgentDirectory, _ token: String?, as id: String = "comfyui-158") async -> String?
    {
        do {
            try await directory.authorise(request(token), as: id)
            return nil
        } catch {
            return (error as? HTTPError)?.code ?? "\(error)"
        }
    }

    @Test("the directory lets agents speak for themselves, and nobody else for them")
    func authorise() async throws {
        try await withAgents { rig in
            let directory = try #require(rig.host.capability(.agentDirectory))
            let (_, taskToken) = try await rig.oneTask()
            let own = try #require(await rig.admin(.post, "/agents/comfyui-158/token").json?["token"]?.stringValue)
            let other = try await rig.addAgent("comfyui-159")
            #expect(await code(directory, own) == nil)
            #expect(await code(directory, taskToken) == nil)
            #expect(await code(directory, nil) == "AGENT_TOKEN_REQUIRED")
            #expect(await code(directory, other) == "AGENT_NOT_ALLOWED")
            #expect(await code(directory, own, as: "nobody") == "AGENT_NOT_ALLOWED")
            _ = await rig.admin(.put, "/agents/comfyui-158", ["status": "Disabled"])
            #expect(await code(directory, own) == "AGENT_NOT_ALLOWED")
            _ = await rig.admin(.delete, "/agents/comfyui-158")
            #expect(await code(directory, own) == "AGENT_NOT_FOUND")
        }
    }

    @Test("presence is unknown before the first heartbeat, and after a start until it is known again")
    func presence() async throws {
        let directory = try TestDirectory()
        var heard = Timestamp(milliseconds: 0)
        try await withAgents(directory: directory) { rig in
            let agents = try #require(rig.host.capability(.agentDirectory))
            let token = try await rig.addAgent("b")
            _ = try await rig.addAgent("a")
            heard = rig.host.clock.wallClock
            #expect(await rig.agent(.post, "/agents/b/heartbeat", token: token, [:]).status == .ok)
            let presences = try await agents.presences()
            #expect(presences.map(\.agentID) == ["a", "b"])
            #expect(presences.map(\.isOnline) == [nil, true])
            #expect(presences.last?.lastHeartbeatAt == heard)
            let saved = try await rig.host.clock.drive(atMost: .seconds(5)) {
                try await rig.host.plugin.agents.all().contains { $0.report.lastHeartbeatAt != nil }
            }
            #expect(saved.isSo)
        }
        let host = try TestHost<AgentsPlugin>(
            clock: ManualClock(wallClock: Timestamp(milliseconds: heard.milliseconds + 3_600_000)), directory: directory
        )
        try await host.start()
        let agents = try #require(host.capability(.agentDirectory))
        #expect(try await agents.presences().map(\.isOnline) == [nil, nil])
        let silent = try await host.clock.drive(atMost: .seconds(240)) {
            try await agents.presences().last?.isOnline == false
        }
        #expect(silent.isSo)
        #expect(silent.moved >= .seconds(170))
        await host.stop()
    }

    @Test("where no plugin takes alerts, agents are told so, and strangers are not")
    func noAlerts() async throws {
        try await withAgents { rig in
            let token = try await rig.addAgent()
            let alert: JSON = ["type": "disk_low", "message": "disk usage 92%", "payload": ["disk": 0.92]]
            rig.expect(await rig.agent(.post, "/agents/comfyui-158/alerts", token: token, alert), .alertsDisabled)
            rig.expect(await rig.agent(.post, "/agents/comfyui-158/alerts", token: nil, alert), .tokenRequired)
            rig.expect(await rig.agent(.post, "/agents/comfyui-159/alerts", token: token, alert), .agentNotAllowed)
        }
    }
}
