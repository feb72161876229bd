import PluginAPI
import Testing

/// Where the daemon's own client goes with a task, over real connections.
@Suite("tasks go where they may")
struct AgentPushTests {
    private func push(_ daemon: DaemonProcess, to baseURL: String, id: String) async throws -> HTTPAnswer {
        let agent = try await daemon.sendCatalogs(
            "POST", "/agents", ["id": .string(id), "baseUrl": .string(baseURL)])
        #expect(agent.status == 200, "\(agent)")
        return try await daemon.sendCatalogs(
            "POST", "/tasks",
            ["agentId": .string(id), "taskId": .string("task-\(id)"), "manifestUrl": "http://centre/m/1"])
    }

    private func withAgents(_ targets: String, _ body: (DaemonProcess) async throws -> Void) async throws {
        try await withSlots(1) {
            let daemon = try await DaemonProcess.start(
                """
                plugins:
                  agents: { push_targets: \(targets) }
                """)
            defer { daemon.end() }
            try await body(daemon)
        }
    }

    @Test("to this machine's loopback only where that is named, and then it is one request")
    func loopback() async throws {
        let agent = try LocalServer { _ in .json(["status": "accepted"]) }
        try await withAgents("[any]") { daemon in
            for (index, host) in ["127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]"].enumerated() {
                let refused = try await push(daemon, to: "http://\(host):\(agent.port)", id: "a\(index)")
                #expect(refused.status == 400, "\(host): \(refused)")
                #expect(refused.json["detail"] == "AGENT_PUSH_TARGET_REFUSED")
                #expect(refused.json["taskId"] == .string("task-a\(index)"))
            }
        }
        #expect(agent.requests.isEmpty)
        try await withAgents("[127.0.0.0/8]") { daemon in
            let taken = try await push(daemon, to: agent.url, id: "a")
            #expect(taken.status == 200 && taken.json["status"] == "running", "\(taken)")
        }
        #expect(agent.requests.map(\.target) == ["/tasks"])
        #expect(agent.requests.first?["authorization"] == nil)
    }

    @Test("never to the daemon itself, and no redirect leads there")
    func itself() async throws {
        try await withAgents("[any, 127.0.0.0/8, localhost]") { daemon in
            let refused = try await push(daemon, to: "http://127.0.0.1:\(daemon.port)/api", id: "a")
            #expect(refused.status == 400 && refused.json["detail"] == "AGENT_PUSH_TARGET_REFUSED", "\(refused)")
            // The name may also lead to ::1, where nobody listens; its other address gets no request.
            let named = try await push(daemon, to: "http://localhost:\(daemon.port)/api", id: "b")
            #expect(named.status == 400 || named.json["detail"] == "AGENT_PUSH_FAILED", "\(named)")
            #expect(named.json["pushStatus"] == .null)
            let own = "http://127.0.0.1:\(daemon.port)/health/live"
            let agent = try LocalServer { _ in LocalServer.Answer(status: 307, fields: [("Location", own)]) }
            let redirected = try await push(daemon, to: agent.url, id: "r")
            #expect(redirected.status == 502 && redirected.json["pushStatus"] == 307, "\(redirected)")
        }
    }
}
