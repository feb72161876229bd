import PluginAPI
import Testing

/// A daemon and an agent that works inside the push, over real connections.
@Suite("an agent at work")
struct AgentWorkTests {
    private func withAgent(_ body: (DaemonProcess, StandInAgent) async throws -> Void) async throws {
        let agent = try StandInAgent()
        try await withDaemon("plugins: { agents: { push_targets: [127.0.0.0/8] } }") { daemon in
            let added = try await daemon.sendCatalogs("POST", "/agents", ["id": "a", "baseUrl": .string(agent.url)])
            #expect(added.status == 200, "\(added)")
            let manifest: JSON = ["role": "full", "version": "2026.02.05-001", "content": ["models": []]]
            #expect(try await daemon.sendCatalogs("POST", "/manifests", manifest).json["id"] == 1)
            try await body(daemon, agent)
        }
        #expect(agent.problems == [])
    }

    private static let wish: JSON = ["agentId": "a", "manifestId": 1, "actions": ["sync_models"], "taskId": "agt_1"]

    @Test("it does what was asked for and no more; its success stays, whether it answers or not")
    func works() async throws {
        for manner in [StandInAgent.Manner.works, .answersNever] {
            try await withAgent { daemon, agent in
                agent.behaves(manner, port: daemon.port)
                let made = try await daemon.sendCatalogs("POST", "/tasks", Self.wish)
                #expect(made.status == 200 && made.json["status"] == "success", "\(manner): \(made)")
                #expect(made.json["resultPayload"] == ["summary": "ok", "synced": ["models"]])
                #expect(made.json["errorMessage"] == .null && made.json["startedAt"] != .null)
                #expect(agent.done == [["sync_models"]] && agent.pushes == 1)
                let seen = try await daemon.sendCatalogs("GET", "/agents/a").json
                #expect(seen["last_manifest_version"] == "2026.02.05-001")
                let again = try await daemon.sendCatalogs("POST", "/tasks/agt_1/push")
                #expect(again.status == 409 && again.json["detail"] == "AGENT_TASK_FINISHED")
            }
        }
    }

    @Test("one that dies half-way leaves a running task, which the next push ends well")
    func dies() async throws {
        try await withAgent { daemon, agent in
            agent.behaves(.diesHalfway, port: daemon.port)
            let made = try await daemon.sendCatalogs("POST", "/tasks", Self.wish)
            #expect(made.status == 200 && made.json["status"] == "running", "\(made)")
            agent.behaves(.works, port: daemon.port)
            let pushed = try await daemon.sendCatalogs("POST", "/tasks/agt_1/push")
            #expect(pushed.status == 200 && pushed.json["status"] == "success", "\(pushed)")
        }
    }

    @Test("a busy one is no error; one that fails has said why")
    func busyThenFails() async throws {
        try await withAgent { daemon, agent in
            agent.behaves(.busy, port: daemon.port)
            let made = try await daemon.sendCatalogs("POST", "/tasks", Self.wish)
            #expect(made.status == 200 && made.json["errorMessage"] == "AGENT_BUSY", "\(made)")
            agent.behaves(.fails, port: daemon.port)
            let failed = try await daemon.sendCatalogs("POST", "/tasks/agt_1/push")
            #expect(failed.status == 502 && failed.json["status"] == "failed", "\(failed)")
            let task = try await daemon.sendCatalogs("GET", "/tasks/agt_1").json
            #expect(task["errorMessage"] == "DOWNLOAD_FAILED" && task["errorCode"] == "DOWNLOAD_FAILED")
            agent.behaves(.works, port: daemon.port)
            let pushed = try await daemon.sendCatalogs("POST", "/tasks/agt_1/push")
            #expect(pushed.status == 200 && pushed.json["status"] == "success", "\(pushed)")
            #expect(try await daemon.sendCatalogs("GET", "/tasks/agt_1").json["errorCode"] == .null)
        }
    }
}
