import PluginAPI
import Testing

/// The agent's side over a real socket, and over the death of the daemon.
@Suite("reports of agents")
struct AgentReportTests {
    private static let debug = "a-debug-token-of-this-test"
    private static let configuration =
        "plugins: { agents: { development: true, debug_tokens: [\(debug)], protocol_document: protocol.md } }"

    @Test("receipts that were acknowledged last through kill -9, and so do agents and their tokens")
    func crash() async throws {
        let directory = try TemporaryDirectory()
        let ids = (0..<20).map { "task-\($0)" }
        let token = try await withDaemon(Self.configuration, in: directory) { daemon in
            _ = try await daemon.admin.post("/api/admin/comfyui/agents", ["id": "gpu-1"])
            let path = "/api/admin/comfyui/agents/gpu-1/token"
            let token = try #require(try await daemon.admin.post(path, [:]).json["token"]?.stringValue)
            for id in ids {
                let made = try await daemon.admin.post(
                    "/api/admin/comfyui/tasks?push=false", ["agentId": "gpu-1", "taskId": .string(id)])
                #expect(made.status == 200, "\(made)")
            }
            let agent = daemon.probe.bearing(Self.debug)
            let answers = try await concurrently(ids) { id in
                try await agent.post("/api/agent/tasks/\(id)/complete", ["summary": .string(id)])
            }
            for answer in answers { #expect(answer.json["status"] == "success", "\(answer)") }
            try await daemon.crash()
            return token
        }
        try await withDaemon(Self.configuration, in: directory) { daemon in
            for id in ids {
                let task = try await daemon.admin.get("/api/admin/comfyui/tasks/\(id)").json
                #expect(task["status"] == "success", "\(task)")
                #expect(task["resultPayload"] == ["summary": .string(id)])
            }
            let beat = try await daemon.probe.bearing(token).post("/api/agent/agents/gpu-1/heartbeat", ["cpu": 1])
            #expect(beat.status == 200, "\(beat)")
            let log = daemon.log.lines.joined(separator: "\n")
            #expect(log.contains("debug tokens count"))
            #expect(!log.contains(Self.debug) && !log.contains(token))
            #expect(Files.mode(directory.file("state/agents/jwt.keys")) == 0o600)
        }
    }

    @Test("agents' tokens do not count as wrong ones of their address, which an administrator may share")
    func sharedAddress() async throws {
        try await withDaemon("plugins: { agents: {}, alerts: {} }") { daemon in
            _ = try await daemon.admin.post("/api/admin/comfyui/agents", ["id": "gpu-1"])
            let path = "/api/admin/comfyui/agents/gpu-1/token"
            let token = try #require(try await daemon.admin.post(path, [:]).json["token"]?.stringValue)
            let agent = daemon.probe.bearing(token)
            for _ in 0..<25 {
                let beat = try await agent.post("/api/agent/agents/gpu-1/heartbeat", ["cpu": 1])
                #expect(beat.status == 200, "\(beat)")
                let alert: JSON = ["type": "disk_low", "message": "m"]
                let alerted = try await agent.post("/api/agent/agents/gpu-1/alerts", alert)
                #expect(alerted.status == 200, "\(alerted)")
            }
            let list = try await daemon.admin.get("/api/admin/comfyui/agents")
            #expect(list.status == 200, "\(list)")
        }
    }

    @Test("refusals are in the dialect of the surface, and the protocol is there for everybody")
    func dialect() async throws {
        let directory = try TemporaryDirectory()
        try directory.write("protocol.md", "# The protocol\n")
        try await withDaemon(Self.configuration, in: directory) { daemon in
            let shown = try await daemon.probe.get("/api/agent/docs/agent-protocol")
            #expect(shown.status == 200)
            #expect(shown.text == "# The protocol\n")
            let refused = try await daemon.probe.bearing("x").post("/api/agent/tasks/a/events", ["message": "m"])
            #expect(refused.status == 401)
            #expect(refused.json["detail"] == "AGENT_TOKEN_INVALID")
            let unknown = try await daemon.probe.get("/api/agent/nothing")
            #expect(unknown.status == 404)
            #expect(unknown.json["detail"] == "Not Found")
            #expect(try await daemon.probe.get("/api/admin/comfyui/tasks").json["detail"] == "AUTHORIZATION_REQUIRED")
        }
    }
}
