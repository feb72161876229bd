import PluginAPI
import Synchronization
import Testing

/// Alerts of agents, with both plugins loaded: the two know each other by a capability and an event alone.
@Suite("alerts of agents")
struct AlertTests {
    @Test("an alert lasts through kill -9, and a webhook that was down is told of it afterwards")
    func crash() async throws {
        let isDown = Mutex(true)
        let receiver = try LocalServer { _ in LocalServer.Answer(status: isDown.withLock { $0 } ? 503 : 204) }
        let configuration =
            "plugins: { agents: {}, alerts: { webhooks: [{ name: ops, url: \"\(receiver.url)/hook\", secret: s }] } }"
        let directory = try TemporaryDirectory()
        try await withDaemon(configuration, in: directory) { daemon in
            let agent = daemon.probe.bearing(try await addAgent(daemon))
            let taken = try await agent.post(
                "/api/agent/agents/gpu-1/alerts", ["type": "disk_low", "message": "disk usage 92%"])
            #expect(taken.json["status"] == "ok", "\(taken)")
            let other = try await agent.post("/api/agent/agents/gpu-2/alerts", ["type": "t", "message": "m"])
            #expect(other.json["detail"] == "AGENT_NOT_ALLOWED")
            try await daemon.crash()
        }
        isDown.withLock { $0 = false }
        let before = receiver.requests.count
        try await withDaemon(configuration, in: directory) { daemon in
            let list = try await daemon.admin.get("/api/admin/comfyui/alerts").json
            #expect(list.arrayValue?.count == 1)
            #expect(list[0]?["message"] == "disk usage 92%")
            try await eventually("the webhook is told", holds: { receiver.requests.count > before })
            #expect(receiver.requests.last?["x-comfyd-signature"]?.hasPrefix("sha256=") == true)
        }
    }

    @Test("with alerts switched off agents are told so, and with agents switched off too")
    func switched() async throws {
        try await withDaemon("plugins: { agents: {}, alerts: {} }", in: try TemporaryDirectory()) { daemon in
            let agent = daemon.probe.bearing(try await addAgent(daemon))
            let path = "/api/agent/agents/gpu-1/alerts"
            let body: JSON = ["type": "t", "message": "m"]
            #expect(try await agent.post(path, body).status == 200)
            #expect(try await daemon.admin.post("/api/admin/plugins/alerts/disable", [:]).status == 200)
            #expect(try await agent.post(path, body).json["detail"] == "ALERTS_DISABLED")
            #expect(try await daemon.probe.post(path, body).json["detail"] == "AGENT_TOKEN_REQUIRED")
            #expect(try await daemon.admin.post("/api/admin/plugins/alerts/enable", [:]).status == 200)
            #expect(try await daemon.admin.post("/api/admin/plugins/agents/disable", [:]).status == 200)
            #expect(try await agent.post(path, body).json["detail"] == "AGENTS_DISABLED")
            #expect(try await daemon.admin.get("/api/admin/comfyui/alerts").json.arrayValue?.count == 1)
        }
    }

    private func addAgent(_ daemon: DaemonProcess) async throws -> String {
        _ = try await daemon.admin.post("/api/admin/comfyui/agents", ["id": "gpu-1"])
        let token = try await daemon.admin.post("/api/admin/comfyui/agents/gpu-1/token", [:]).json["token"]
        return try #require(token?.stringValue)
    }
}
