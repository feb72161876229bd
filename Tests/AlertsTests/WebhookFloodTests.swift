import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Alerts

/// More alerts than a webhook can be told of, and webhooks that take some messages only.
@Suite struct WebhookFloodTests {
    private static let wecom: JSON = ["name": "wecom", "url": "http://wecom.test/?key=k", "format": "wecom"]
    private static let generic: JSON = ["name": "ops", "url": "http://hook.test/"]

    private func texts(_ client: StubHTTPClient) async throws -> [String] {
        var texts: [String] = []
        for request in client.requests {
            let json = try JSON(parsing: try await #require(request.body).collect(upTo: 1 << 20))
            texts.append(json["text"]?["content"]?.stringValue ?? json.text())
        }
        return texts
    }

    @Test("people are told of the newest, and of how many were left out")
    func flood() async throws {
        let client = StubHTTPClient { _ in .json(["errcode": 0]) }
        let configuration: JSON = ["webhooks": [Self.wecom], "rate_limit": 6000]
        try await withAlerts(configuration: configuration, client: client) { rig in
            for number in 0..<500 { _ = try await rig.raise("t", "number \(number)!") }
            #expect(try await rig.emptiesOutbox(within: .seconds(900)))
            let all = try await texts(client)
            #expect(all.count < 40)
            #expect(all.contains { $0.contains("number 499!") })
            let lines = all.flatMap { $0.split(separator: "\n").map(String.init) }
            let told = lines.filter { $0.contains("number") }.count
            let summaries = lines.filter { $0.contains("left out") }
            #expect(summaries == ["[comfyd] alerts that were left out: \(500 - told)"])
            #expect(
                rig.host.metric(#"comfyd_alerts_webhook_alerts_total{webhook="wecom",outcome="left_out"}"#)
                    == Double(500 - told))
            #expect(all.allSatisfy { $0.utf8.count <= 2048 })
        }
    }

    @Test("a machine is told how many were left out too")
    func generic() async throws {
        let client = StubHTTPClient { _ in ClientResponse(status: .serviceUnavailable) }
        try await withAlerts(configuration: ["webhooks": [Self.generic]], client: client) { rig in
            _ = try await rig.raise("t", "m")
            try await rig.host.database.write { connection in
                _ = try connection.execute(
                    """
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(WebhookOutbox.longest + 49))
                    INSERT INTO alerts_outbox (hook, alert_id, attempts, waits_since, next_at)
                    SELECT 'ops', 1, 0, 0, 0 FROM n
                    """)
            }
            let trimmed = try await rig.host.clock.drive(atMost: .seconds(90)) {
                try await rig.host.database.read { connection in
                    try connection.first("SELECT COUNT(*) AS n FROM alerts_outbox") { try $0.get("n", as: Int.self) }
                } == WebhookOutbox.longest
            }
            #expect(trimmed.isSo)
            let before = client.requests.count
            client.answer { _ in ClientResponse(status: .ok) }
            try await rig.becomes(within: .seconds(900)) { client.requests.count > before + 1 }
            let all = try await texts(client).dropFirst(before).map { try JSON(parsing: Array($0.utf8)) }
            #expect(all.first?["left_out"] == 50)
            #expect(all.dropFirst().first?["left_out"] == nil)
        }
    }

    @Test("alerts that go while they wait count as left out")
    func retention() async throws {
        let client = StubHTTPClient { _ in ClientResponse(status: .serviceUnavailable) }
        let configuration: JSON = ["webhooks": [Self.generic], "keep_per_agent": 3]
        try await withAlerts(configuration: configuration, client: client) { rig in
            for number in 0..<10 { _ = try await rig.raise("t", "\(number)") }
            let swept = try await rig.host.clock.drive(atMost: .seconds(90)) { try await rig.list().count == 3 }
            #expect(swept.isSo)
            let before = client.requests.count
            client.answer { _ in ClientResponse(status: .ok) }
            try await rig.becomes(within: .seconds(900)) { client.requests.count > before }
            let first = try JSON(parsing: Array(try #require(try await texts(client).dropFirst(before).first).utf8))
            #expect(first["left_out"] == 7)
        }
    }

    @Test("a webhook without a least interval is told of all at once")
    func quick() async throws {
        let client = StubHTTPClient { _ in ClientResponse(status: .ok) }
        try await withAlerts(environment: ["ALERT_WEBHOOK_URL": "http://hook.test/"], client: client) { rig in
            for number in 0..<50 { _ = try await rig.raise("t", "\(number)") }
            try await rig.becomes(within: .seconds(30)) { !client.requests.isEmpty }
            // The clock stands still from here on.
            for _ in 0..<4000 where client.requests.count < 50 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(client.requests.count == 50)
        }
    }

    @Test("an alert whose words DingTalk does not want is left out, and holds up no other")
    func poison() async throws {
        let hook: JSON = ["name": "ding", "url": "http://ding.test/?access_token=k", "format": "dingtalk"]
        let client = StubHTTPClient { request in
            let body = String(decoding: try await request.body?.collect(upTo: 1 << 20) ?? [], as: UTF8.self)
            return .json(["errcode": body.contains("poison") ? 430_104 : 0])
        }
        try await withAlerts(configuration: ["webhooks": [hook]], client: client) { rig in
            for number in 0..<12 {
                let word = number.isMultiple(of: 2) ? "poison" : "good"
                _ = try await rig.raise("t", "\(word) \(number)!")
            }
            #expect(try await rig.emptiesOutbox(within: .seconds(600)))
            let all = try await texts(client).filter { !$0.contains("poison") }
            for number in [1, 3, 5, 7, 9, 11] { #expect(all.contains { $0.contains("good \(number)!") }, "\(number)") }
            #expect(rig.host.metric(#"comfyd_alerts_webhook_alerts_total{webhook="ding",outcome="unwanted"}"#) == 6)
            #expect(await rig.host.health()["webhooks"] == .healthy)
        }
    }

    @Test(
        "a robot that was asked too often is left alone for as long as its maker says",
        arguments: [
            ("dingtalk", 130_101, 600), ("dingtalk", 410_100, 600), ("wecom", 45009, 60),
        ])
    func throttled(format: String, code: Int, seconds: Int) async throws {
        let hook: JSON = ["name": "robot", "url": "http://robot.test/?key=k", "format": .string(format)]
        let client = StubHTTPClient { _ in .json(["errcode": .number(JSONNumber(code))]) }
        try await withAlerts(configuration: ["webhooks": [hook]], client: client) { rig in
            _ = try await rig.raise("t", "m")
            try await rig.becomes(within: .seconds(60)) { client.requests.count == 1 }
            let again = try await rig.host.clock.drive(atMost: .seconds(900)) { client.requests.count == 2 }
            #expect(again.isSo)
            #expect(again.moved >= .seconds(seconds - 1))
        }
    }

    @Test("a webhook that took a message is not sent it again because the disk is full")
    func fullDisk() async throws {
        let client = StubHTTPClient { _ in ClientResponse(status: .ok) }
        try await withAlerts(configuration: ["webhooks": [Self.generic]], client: client) { rig in
            try await rig.host.database.write { connection in
                _ = try connection.execute(
                    """
                    CREATE TRIGGER full_disk BEFORE DELETE ON alerts_outbox
                    BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END
                    """)
            }
            _ = try await rig.raise("t", "m")
            try await rig.host.clock.drive(for: .seconds(30))
            #expect(client.requests.count == 1)
            try await rig.host.database.write { _ = try $0.execute("DROP TRIGGER full_disk") }
            #expect(try await rig.emptiesOutbox(within: .seconds(120)))
            #expect(client.requests.count == 1)
        }
    }

    @Test("what a webhook says beside 2xx does not matter", arguments: ["generic", "slack"])
    func answer(format: String) async throws {
        let hook: JSON = ["name": "ops", "url": "http://hook.test/", "format": .string(format)]
        let long = [UInt8](repeating: 0x20, count: 1 << 20)
        let client = StubHTTPClient { _ in ClientResponse(status: .ok, body: HTTPBody(long)) }
        try await withAlerts(configuration: ["webhooks": [hook]], client: client) { rig in
            _ = try await rig.raise("t", "m")
            #expect(try await rig.emptiesOutbox(within: .seconds(120)))
            #expect(client.requests.count == 1)
        }
    }

    @Test("a robot whose answer never ends counts as one that failed")
    func drip() async throws {
        let clock = ManualClock()
        let client = StubHTTPClient { _ in
            ClientResponse(
                status: .ok,
                body: HTTPBody(length: nil) {
                    try await clock.sleep(for: .seconds(5))
                    return [0x20]
                })
        }
        try await withAlerts(configuration: ["webhooks": [Self.wecom]], client: client, clock: clock) { rig in
            _ = try await rig.raise("t", "m")
            try await rig.becomes(within: .seconds(60)) { client.requests.count > 1 }
        }
    }

    @Test(
        "a webhook that never answers holds up no other, no agent, and not the end of the plugin",
        .timeLimit(.minutes(1)))
    func hangs() async throws {
        let hooks: JSON = [["name": "dead", "url": "http://dead.test/"], Self.generic]
        let client = StubHTTPClient { request in
            if request.url.hasPrefix("http://dead.test") { try await Task.sleep(for: .seconds(600)) }
            return ClientResponse(status: .ok)
        }
        try await withAlerts(configuration: ["webhooks": hooks], client: client) { rig in
            for number in 0..<3 { _ = try await rig.raise("t", "\(number)") }
            try await rig.becomes(within: .seconds(120)) {
                client.requests.filter { $0.url == "http://hook.test/" }.count == 3
            }
            #expect(client.requests.filter { $0.url == "http://dead.test/" }.count == 1)
            _ = try await rig.raise("t", "one more")
            await rig.host.stop(deadline: .seconds(600))
        }
    }
}
