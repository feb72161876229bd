import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Alerts

/// `/api/admin/comfyui/alerts`: seed 000 §9, `spec/alerts.md`.
@Suite struct AlertListTests {
    @Test("the list is a bare array with the seed's keys, newest first, ties by id")
    func seed() async throws {
        try await withAlerts { rig in
            #expect(try await rig.list().isEmpty)
            let first = try await rig.raise("disk_low", "disk usage 92%")
            let second = try await rig.raise("comfyui_down", "gone")
            rig.host.clock.advance(by: .seconds(1))
            let third = try await rig.raise("disk_low", "disk usage 93%", agent: "comfyui-159")
            let list = try await rig.list()
            #expect(list.compactMap { $0["id"]?.intValue } == [third, second, first])
            for key in ["id", "agentId", "alertType", "message", "payload", "created_at"] {
                #expect(list.first?[key] != nil, "\(key)")
            }
            #expect(list.first?["created_at"] == "2026-01-01T00:00:01.000Z")
        }
    }

    @Test("filters are exact; an unknown agent has none")
    func filters() async throws {
        try await withAlerts { rig in
            let first = try await rig.raise("disk_low", "a")
            rig.host.clock.advance(by: .seconds(10))
            let second = try await rig.raise("comfyui_down", "b")
            let third = try await rig.raise("disk_low", "c", agent: "comfyui-159")
            func ids(_ query: String) async throws -> [Int] {
                try await rig.list("?" + query).compactMap { $0["id"]?.intValue }
            }
            #expect(try await ids("agent_id=comfyui-158") == [second, first])
            #expect(try await ids("alert_type=disk_low") == [third, first])
            #expect(try await ids("alert_type=disk") == [])
            #expect(try await ids("agent_id=nobody") == [])
            #expect(try await ids("agent_id=comfyui-158&alert_type=disk_low") == [first])
            #expect(try await ids("since=2026-01-01T00:00:05Z") == [third, second])
            #expect(try await ids("before_id=\(third)") == [second, first])
            #expect(try await ids("offset=1&limit=1") == [second])
            _ = await rig.admin(.post, "/alerts/\(second)/ack")
            #expect(try await ids("acknowledged=true") == [second])
            #expect(try await ids("acknowledged=false") == [third, first])
        }
    }

    @Test("limit is 50, clamped to 1 and 200")
    func limits() async throws {
        try await withAlerts(configuration: ["rate_limit": 1000]) { rig in
            for number in 0..<210 { _ = try await rig.raise("t", "\(number)") }
            #expect(try await rig.list().count == 50)
            #expect(try await rig.list("?limit=0").count == 1)
            #expect(try await rig.list("?limit=-1").count == 1)
            #expect(try await rig.list("?limit=1000").count == 200)
            for query in ["limit=x", "offset=-1", "since=yesterday", "acknowledged=perhaps", "before_id=a"] {
                #expect(await rig.admin(.get, "/alerts?\(query)").status == .unprocessableContent, "\(query)")
            }
        }
    }

    @Test("the same alert within ten minutes counts up its row; later, it is a new one")
    func folding() async throws {
        try await withAlerts { rig in
            let first = try await rig.raise("disk_low", "full")
            rig.host.clock.advance(by: .seconds(590))
            let again = await rig.post(["type": "disk_low", "message": "full", "payload": ["disk": 0.99]])
            #expect(again.json?["id"]?.intValue == first)
            #expect(again.json?["count"] == 2)
            #expect(try await rig.raise("disk_low", "fuller") != first)
            #expect(try await rig.raise("disk_high", "full") != first)
            #expect(try await rig.raise("disk_low", "full", agent: "comfyui-159") != first)
            let row = await rig.admin(.get, "/alerts/\(first)").json
            #expect(row?["count"] == 2)
            #expect(row?["created_at"] == "2026-01-01T00:00:00.000Z")
            #expect(row?["last_at"] == "2026-01-01T00:09:50.000Z")
            #expect(row?["payload"]?["disk"] == 0.99)
            rig.host.clock.advance(by: .seconds(11))
            #expect(try await rig.raise("disk_low", "full") != first)
        }
    }

    @Test("a window of zero folds nothing")
    func noFolding() async throws {
        try await withAlerts(configuration: ["fold_window": 0]) { rig in
            let first = try await rig.raise("t", "m")
            #expect(try await rig.raise("t", "m") != first)
        }
    }

    @Test("the first acknowledgement counts; a repeat after it is a new alert")
    func acknowledge() async throws {
        try await withAlerts { rig in
            let id = try await rig.raise("t", "m")
            let answer = await rig.admin(.post, "/alerts/\(id)/ack")
            #expect(answer.status == .ok)
            #expect(answer.json?["acknowledged_by"] == "admin")
            #expect(answer.json?["acknowledged_at"] == "2026-01-01T00:00:00.000Z")
            rig.host.clock.advance(by: .seconds(5))
            let again = await rig.admin(.post, "/alerts/\(id)/ack")
            #expect(again.json?["acknowledged_at"] == "2026-01-01T00:00:00.000Z")
            #expect(try await rig.raise("t", "m") != id)
            #expect(await rig.admin(.post, "/alerts/999/ack").json?["detail"] == "ALERT_NOT_FOUND")
            #expect(await rig.admin(.get, "/alerts/999").status == .notFound)
            #expect(await rig.admin(.get, "/alerts/x").status == .unprocessableContent)
        }
    }

    @Test("only the administrator and keys with the scope alerts may look")
    func access() async throws {
        try await withAlerts { rig in
            let path = "/api/admin/comfyui/alerts"
            #expect(await rig.host.send(.get, path).json?["detail"] == "AUTHORIZATION_REQUIRED")
            #expect(await rig.host.send(.get, path, principal: .testKey).json?["detail"] == "ADMIN_ONLY")
            let key = Principal(kind: .apiKey, id: "key-2", name: "Key", scopes: ["alerts"])
            #expect(await rig.host.send(.get, path, principal: key).status == .ok)
            let id = try await rig.raise("t", "m")
            let answer = await rig.host.send(.post, "\(path)/\(id)/ack", principal: key)
            #expect(answer.json?["acknowledged_by"] == "key:key-2")
        }
    }

    @Test("alerts and acknowledgements are there after a restart")
    func restart() async throws {
        let directory = try TestDirectory()
        var before: [JSON] = []
        try await withAlerts(directory: directory) { rig in
            let id = try await rig.raise("t", "m")
            _ = await rig.admin(.post, "/alerts/\(id)/ack")
            before = try await rig.list()
        }
        try await withAlerts(directory: directory) { rig in
            let after = try await rig.list()
            #expect(after == before)
            #expect(after.count == 1)
        }
    }

    @Test(
        "each filter is answered by an index that fits, in its order",
        arguments: [
            ("", "alerts_alerts_order"), ("since=1", "alerts_alerts_order"), ("before_id=1", "alerts_alerts_order"),
            ("agent_id=a", "alerts_alerts_agent"), ("agent_id=a&alert_type=t", "alerts_alerts_agent"),
            ("agent_id=a&acknowledged=false", "alerts_alerts_agent"), ("alert_type=t", "alerts_alerts_type"),
            ("alert_type=t&acknowledged=false&since=5", "alerts_alerts_type"),
            ("acknowledged=false", "alerts_alerts_open"),
        ])
    func plan(query: String, index: String) async throws {
        try await withAlerts { rig in
            _ = try await rig.raise("t", "m")
            var form = QueryForm(QueryItems(parsing: query))
            let statement = AlertQuery(&form).statement(after: Timestamp(milliseconds: 5))
            let plan = try await rig.host.database.read { connection in
                try connection.all("EXPLAIN QUERY PLAN \(statement)") { try $0.get("detail", as: String.self) }
            }
            #expect(plan.count == 1 && plan.first?.contains("INDEX \(index)") == true, "\(plan)")
        }
    }
}
