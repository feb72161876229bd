import PluginAPI
import PluginTestKit
import Testing

@testable import Alerts

/// `POST /api/agent/agents/{id}/alerts`: seed 001 §8, `spec/alerts.md`.
@Suite struct IntakeTests {
    @Test("the seed's alert is answered as the seed says, with the row beside it")
    func seed() async throws {
        try await withAlerts { rig in
            let answer = await rig.post(
                ["type": "disk_low", "message": "disk usage 92%", "payload": ["disk": 0.92]])
            #expect(answer.status == .ok, "\(answer.text)")
            let json = try #require(answer.json)
            #expect(json["status"] == "ok")
            #expect(json["id"] == 1)
            #expect(json["agentId"] == "comfyui-158")
            #expect(json["alertType"] == "disk_low")
            #expect(json["message"] == "disk usage 92%")
            #expect(json["payload"]?["disk"] == 0.92)
            #expect(json["created_at"] == "2026-01-01T00:00:00.000Z")
            #expect(json["count"] == 1)
        }
    }

    @Test("the type may have its other names", arguments: ["type", "alertType", "alert_type"])
    func names(key: String) async throws {
        try await withAlerts { rig in
            let answer = await rig.post([key: "comfyui_down", "message": "it is gone"])
            #expect(answer.json?["alertType"] == "comfyui_down", "\(answer.text)")
            #expect(answer.json?["payload"]?.isNull == true)
        }
    }

    @Test(
        "what has not the right form is refused and names the key",
        arguments: [
            (["message": "m"], "type"), (["type": "t"], "message"), (["type": 1, "message": "m"], "type"),
            (["type": "t", "message": 5], "message"), (["type": "t", "message": "m", "payload": []], "payload"),
            (["type": " ", "message": "m"], "type"), (["type": "a\u{0}b", "message": "m"], "type"),
            (["alertType": 7, "message": "m"], "alertType"),
            (["type": .string(String(repeating: "x", count: 65)), "message": "m"], "type"),
        ] as [(JSON, String)])
    func form(body: JSON, key: String) async throws {
        try await withAlerts { rig in
            let answer = await rig.post(body)
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json?["detail"]?[0]?["loc"]?[1]?.stringValue == key, "\(answer.text)")
            let list = try await rig.list()
            #expect(list.isEmpty)
        }
    }

    @Test("bodies that are no objects, too deep, or too large are refused")
    func hostile() async throws {
        try await withAlerts { rig in
            func send(_ text: String) async -> Status {
                await rig.host.send(
                    .post, "/api/agent/agents/comfyui-158/alerts", headers: ["Authorization": "Bearer token"],
                    body: HTTPBody(Array(text.utf8))
                ).status
            }
            #expect(await send("[]") == .unprocessableContent)
            #expect(await send("") == .unprocessableContent)
            #expect(await send("{\"type\":") == .unprocessableContent)
            let deep = String(repeating: "{\"a\":", count: 40) + "1" + String(repeating: "}", count: 40)
            #expect(await send("{\"type\":\"t\",\"message\":\"m\",\"payload\":\(deep)}") == .unprocessableContent)
            let large = String(repeating: "x", count: AlertForm.bodyLimit)
            #expect(await send("{\"type\":\"t\",\"message\":\"\(large)\"}") == .contentTooLarge)
        }
    }

    @Test("a long message is cut, a large payload becomes its size; the alert is taken all the same")
    func long() async throws {
        try await withAlerts { rig in
            let answer = await rig.post([
                "type": "t", "message": .string(String(repeating: "é", count: 5000)),
                "payload": ["log": .string(String(repeating: "x", count: 70_000))],
            ])
            #expect(answer.json?["message"]?.stringValue == String(repeating: "é", count: 4096))
            #expect(answer.json?["payload"]?["truncated"] == true)
            #expect(answer.json?["payload"]?["log"] == nil)
            #expect(answer.json?["payload"]?["bytes"]?.intValue ?? 0 > 70_000)
            // One letter to the eye, 5000 code points.
            let marks = await rig.post([
                "type": "t", "message": .string("e" + String(repeating: "\u{301}", count: 4999)),
            ])
            #expect(marks.json?["message"]?.stringValue?.unicodeScalars.count == 4096)
        }
    }

    @Test("a message stays as it came, whatever characters it has")
    func characters() async throws {
        try await withAlerts { rig in
            let message = "a\u{0}b\n' OR 1=1; \u{1F4BE} \u{202E}"
            let id = try await rig.raise("t", message)
            #expect(await rig.admin(.get, "/alerts/\(id)").json?["message"]?.stringValue == message)
        }
    }

    @Test("who knows agents decides first: its refusals come before anything is said of the body")
    func authorisation() async throws {
        try await withAlerts { rig in
            let none = await rig.post([:], token: nil)
            #expect(none.status == .unauthorized)
            #expect(none.json?["detail"] == "AGENT_TOKEN_REQUIRED")
            let wrong = await rig.post([:], token: "other")
            #expect(wrong.status == .forbidden)
            #expect(wrong.json?["detail"] == "AGENT_NOT_ALLOWED")
            let unknown = await rig.post([:], agent: "nobody")
            #expect(unknown.status == .notFound)
            #expect(unknown.json?["detail"] == "AGENT_NOT_FOUND")
        }
    }

    @Test("sixty alerts a minute are taken, then 429 until there is room; other agents are not held up")
    func rate() async throws {
        try await withAlerts { rig in
            for number in 0..<60 { _ = try await rig.raise("t", "message \(number)") }
            let refused = await rig.post(["type": "t", "message": "one more"])
            #expect(refused.status == .tooManyRequests)
            #expect(refused.json?["detail"] == "AGENT_ALERT_RATE_LIMITED")
            #expect(refused.headers["Retry-After"] == "1")
            #expect(await rig.post(["type": "t", "message": "m"], agent: "comfyui-159").status == .ok)
            // Nobody without a token uses up the rate.
            rig.host.clock.advance(by: .seconds(1))
            #expect(await rig.post([:], token: "other").status == .forbidden)
            #expect(await rig.post(["type": "t", "message": "one more"]).status == .ok)
            #expect(await rig.post(["type": "t", "message": "two more"]).status == .tooManyRequests)
        }
    }

    @Test("without a plugin that knows agents it says so, and the list still works")
    func alone() async throws {
        try await withAlerts(hasAgents: false) { rig in
            let answer = await rig.post(["type": "t", "message": "m"])
            #expect(answer.status == .serviceUnavailable)
            #expect(answer.json?["detail"] == "AGENTS_DISABLED")
            let list = try await rig.list()
            #expect(list.isEmpty)
            #expect(
                await rig.host.health()["agents"] == .degraded("no plugin knows agents: none can post alerts"))
        }
        try await withAlerts { rig in #expect(await rig.host.health()["agents"] == .healthy) }
    }

    @Test("the same alert from many sides at once is one row that counts them all")
    func concurrent() async throws {
        try await withAlerts(configuration: ["rate_limit": 1000]) { rig in
            let ids = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<100 { group.addTask { try await rig.raise("disk_low", "full") } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
            let list = try await rig.list()
            #expect(list.count == 1)
            #expect(list.first?["count"] == 100)
        }
    }

    @Test("a refusal does not send back what it refuses, however few letters that looks like")
    func echo() async throws {
        try await withAlerts { rig in
            let marks = "e" + String(repeating: "\u{301}", count: 400_000)
            let answer = await rig.post(["type": .string(marks), "message": "m"])
            #expect(answer.status == .unprocessableContent)
            #expect(answer.text.utf8.count < 2000, "\(answer.text.utf8.count) bytes")
        }
    }

    @Test("where a type has two names, the seed's counts")
    func twoNames() async throws {
        try await withAlerts { rig in
            let answer = await rig.post(["alert_type": "c", "alertType": "b", "type": "a", "message": "m"])
            #expect(answer.json?["alertType"] == "a")
            let other = await rig.post(["alert_type": "c", "alertType": "b", "type": nil, "message": "m"])
            #expect(other.json?["alertType"] == "b")
        }
    }

    @Test("what is received and what is refused is counted")
    func metrics() async throws {
        try await withAlerts(configuration: ["rate_limit": 4]) { rig in
            for _ in 0..<3 { _ = try await rig.raise("t", "m") }
            _ = await rig.post(["type": "t"])
            _ = await rig.post(["type": "t", "message": "m"])
            _ = await rig.post(["type": "t", "message": "m"], token: nil)
            #expect(rig.host.metric(#"comfyd_alerts_received_total{outcome="new"}"#) == 1)
            #expect(rig.host.metric(#"comfyd_alerts_received_total{outcome="folded"}"#) == 2)
            for code in ["http.bad_body", "AGENT_ALERT_RATE_LIMITED", "AGENT_TOKEN_REQUIRED"] {
                #expect(rig.host.metric("comfyd_alerts_refused_total{code=\"\(code)\"}") == 1, "\(code)")
            }
        }
        try await withAlerts(hasAgents: false) { rig in
            _ = await rig.post(["type": "t", "message": "m"])
            #expect(rig.host.metric(#"comfyd_alerts_refused_total{code="AGENTS_DISABLED"}"#) == 1)
        }
    }
}
