import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Alerts

@Suite struct RetentionTests {
    private func messages(_ rig: AlertsRig, _ query: String = "?limit=200") async throws -> [String] {
        try await rig.list(query).compactMap { $0["message"]?.stringValue }
    }

    @Test("alerts older than retention go, and what waits for webhooks with them")
    func age() async throws {
        let hook: JSON = ["name": "ops", "url": "http://hook.test/"]
        try await withAlerts(configuration: ["retention": "1h", "webhooks": [hook]]) { rig in
            _ = try await rig.raise("t", "old")
            rig.host.clock.advance(by: .seconds(3000))
            _ = try await rig.raise("t", "new")
            let done = try await rig.host.clock.drive(atMost: .seconds(900)) {
                try await messages(rig) == ["new"]
            }
            #expect(done.isSo)
            let waiting = try await rig.host.database.read { connection in
                try connection.all("SELECT alert_id FROM alerts_outbox") { try $0.get("alert_id", as: Int.self) }
            }
            #expect(waiting == [2])
        }
    }

    @Test("an agent in a loop pushes out its own alerts, not those of others")
    func perAgent() async throws {
        try await withAlerts(configuration: ["keep_per_agent": 3, "rate_limit": 1000]) { rig in
            _ = try await rig.raise("t", "other", agent: "comfyui-159")
            for number in 0..<600 { _ = try await rig.raise("t", "\(number)") }
            let done = try await rig.host.clock.drive(atMost: .seconds(120)) { try await messages(rig).count <= 4 }
            #expect(done.isSo)
            #expect(try await messages(rig) == ["599", "598", "597", "other"])
        }
    }

    @Test("no more than keep stay in all")
    func number() async throws {
        try await withAlerts(configuration: ["keep": 2]) { rig in
            for agent in ["comfyui-158", "comfyui-159"] {
                for number in 0..<2 { _ = try await rig.raise("t", "\(agent) \(number)", agent: agent) }
            }
            let done = try await rig.host.clock.drive(atMost: .seconds(120)) { try await messages(rig).count <= 2 }
            #expect(done.isSo)
            #expect(try await messages(rig) == ["comfyui-159 1", "comfyui-159 0"])
        }
    }
}
