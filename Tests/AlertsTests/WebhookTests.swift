import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Alerts

/// Webhooks: what they get, and what happens while they fail.
@Suite struct WebhookTests {
    private static let hook: JSON = ["name": "ops", "url": "http://hook.test/a?key=hidden"]

    private func body(_ request: ClientRequest) async throws -> JSON {
        try JSON(parsing: try await #require(request.body).collect(upTo: 1 << 20))
    }

    /// Drives the clock until the webhook was asked so many times.
    private func requests(_ rig: AlertsRig, _ count: Int, within limit: Duration = .seconds(10)) async throws
        -> [ClientRequest]
    {
        let done = try await rig.host.clock.drive(atMost: limit) { rig.host.client.requests.count >= count }
        #expect(done.isSo, "\(rig.host.client.requests.count) of \(count)")
        return rig.host.client.requests
    }

    @Test("the generic form is the row as the list shows it, signed over the body")
    func generic() async throws {
        var hook = Self.hook.objectValue ?? [:]
        hook["secret"] = "s3cret"
        let client = StubHTTPClient { _ in ClientResponse(status: .noContent) }
        try await withAlerts(configuration: ["webhooks": [.object(hook)]], client: client) { rig in
            _ = try await rig.raise("disk_low", "disk usage 92%")
            let request = try #require(await requests(rig, 1).first)
            #expect(request.method == .post)
            #expect(request.url == "http://hook.test/a?key=hidden")
            let bytes = try await #require(request.body).collect(upTo: 1 << 20)
            #expect(try JSON(parsing: bytes) == (try await rig.list().first))
            let time = try #require(request.headers["X-Comfyd-Timestamp"])
            #expect(Int64(time) == rig.host.clock.wallClock.milliseconds / 1000)
            let signed = Array("1.\(time).".utf8) + bytes
            let sign = Hex.encode(OpenSSLCryptography().hmacSHA256(signed, key: Secret("s3cret")))
            #expect(request.headers["X-Comfyd-Signature"] == "sha256=\(sign)")
            #expect(request.headers["X-Comfyd-Delivery"] == "1")
            #expect(try await rig.emptiesOutbox())
        }
    }

    @Test("ALERT_WEBHOOK_URL alone makes a webhook")
    func environment() async throws {
        let client = StubHTTPClient { _ in ClientResponse(status: .ok) }
        try await withAlerts(environment: ["ALERT_WEBHOOK_URL": "http://hook.test/"], client: client) { rig in
            _ = try await rig.raise("t", "m")
            let request = try #require(await requests(rig, 1).first)
            #expect(request.headers["X-Comfyd-Signature"] == nil)
            #expect(try await body(request)["alertType"] == "t")
        }
    }

    @Test("DingTalk's form is a text, with timestamp and signature in the query")
    func dingtalk() async throws {
        let hook: JSON = [
            "name": "ding", "url": "http://ding.test/robot/send?access_token=x", "format": "dingtalk",
            "secret": "SEC1",
        ]
        let client = StubHTTPClient { _ in .json(["errcode": 0, "errmsg": "ok"]) }
        try await withAlerts(configuration: ["webhooks": [hook]], client: client) { rig in
            _ = try await rig.raise("disk_low", "disk usage 92%\n@all <b>")
            let request = try #require(await requests(rig, 1).first)
            let query = request.url.split(separator: "&")
            #expect(query.first == "http://ding.test/robot/send?access_token=x")
            let time = try #require(query.first { $0.hasPrefix("timestamp=") }.map { String($0.dropFirst(10)) })
            let digest = OpenSSLCryptography().hmacSHA256(Array("\(time)\nSEC1".utf8), key: Secret("SEC1"))
            #expect(query.last == "sign=\(PercentEncoding.encode(Base64.encode(digest)))")
            let json = try await body(request)
            #expect(json["msgtype"] == "text")
            let text = try #require(json["text"]?["content"]?.stringValue)
            #expect(text == "[comfyd] 2026-01-01T00:00:00.000Z comfyui-158: disk_low: disk usage 92% @all <b>")
            #expect(json["at"] == nil)
            #expect(try await rig.emptiesOutbox())
        }
    }

    @Test("Slack's form has its letters escaped, so that nobody outside calls the channel")
    func slack() async throws {
        let hook: JSON = ["name": "slack", "url": "http://slack.test/", "format": "slack"]
        let client = StubHTTPClient { _ in ClientResponse(status: .ok) }
        try await withAlerts(configuration: ["webhooks": [hook]], client: client) { rig in
            _ = try await rig.raise("t", "<!channel> a&b")
            let text = try await body(try #require(await requests(rig, 1).first))["text"]?.stringValue
            #expect(text == "[comfyd] 2026-01-01T00:00:00.000Z comfyui-158: t: &lt;!channel&gt; a&amp;b")
        }
    }

    @Test("WeCom's form is a text; what waits goes into one message that is never too long for it")
    func wecom() async throws {
        let hook: JSON = ["name": "wecom", "url": "http://wecom.test/?key=k", "format": "wecom", "min_interval": "3s"]
        let client = StubHTTPClient { _ in .json(["errcode": 0]) }
        try await withAlerts(configuration: ["webhooks": [hook], "rate_limit": 100], client: client) { rig in
            for number in 0..<25 {
                _ = try await rig.raise("t", "\(number) " + String(repeating: "盘", count: 3000))
            }
            let all = try await requests(rig, 3, within: .seconds(30))
            var lines = 0
            for request in all {
                let text = try #require(try await body(request)["text"]?["content"]?.stringValue)
                #expect(text.utf8.count <= 2048)
                lines += text.split(separator: "\n").count
            }
            #expect(lines == 25)
            #expect(try await rig.emptiesOutbox())
        }
    }

    @Test("between two messages is min_interval at least")
    func interval() async throws {
        let clock = ManualClock()
        let client = StubHTTPClient { _ in ClientResponse(status: .ok) }
        var hook = Self.hook.objectValue ?? [:]
        hook["min_interval"] = "20s"
        try await withAlerts(configuration: ["webhooks": [.object(hook)]], client: client, clock: clock) { rig in
            for number in 0..<3 { _ = try await rig.raise("t", "\(number)") }
            _ = try await requests(rig, 1)
            let start = clock.now
            _ = try await requests(rig, 3, within: .seconds(120))
            #expect(start.duration(to: clock.now) >= .seconds(38))
        }
    }

    @Test("a webhook gets only the types that it wants, and repeats are not told again")
    func types() async throws {
        var hook = Self.hook.objectValue ?? [:]
        hook["types"] = ["agent_offline"]
        let client = StubHTTPClient { _ in ClientResponse(status: .ok) }
        try await withAlerts(configuration: ["webhooks": [.object(hook)]], client: client) { rig in
            _ = try await rig.raise("disk_low", "m")
            _ = try await rig.raise("agent_offline", "m")
            _ = try await rig.raise("agent_offline", "m")
            #expect(try await rig.emptiesOutbox())
            #expect(rig.host.client.requests.count == 1)
        }
    }

    @Test(
        "a webhook that fails is tried again until it takes the alert; another one is not held up",
        arguments: [
            "refused", "status", "errcode", "redirect",
        ])
    func retry(kind: String) async throws {
        let bad: JSON = ["name": "bad", "url": "http://bad.test/", "format": "wecom"]
        let client = StubHTTPClient { request in
            guard request.url.hasPrefix("http://bad.test") else { return ClientResponse(status: .ok) }
            switch kind {
            case "refused": throw StubHTTPClient.refused(request)
            case "status": return ClientResponse(status: .serviceUnavailable)
            case "errcode": return .json(["errcode": 93000])
            default: return ClientResponse(status: 302, headers: ["Location": "http://hook.test/"])
            }
        }
        try await withAlerts(configuration: ["webhooks": [bad, Self.hook]], client: client) { rig in
            _ = try await rig.raise("t", "m")
            _ = try await requests(rig, 4, within: .seconds(60))
            let urls = rig.host.client.requests.map(\.url)
            #expect(urls.filter { $0.hasPrefix("http://hook.test") }.count == 1)
            guard case .degraded(let words)? = await rig.host.health()["webhooks"] else {
                Issue.record("healthy")
                return
            }
            #expect(words.hasPrefix("bad: "))
            client.answer { _ in .json(["errcode": 0]) }
            #expect(try await rig.emptiesOutbox(within: .seconds(120)))
            #expect(await rig.host.health()["webhooks"] == .healthy)
            for line in rig.host.logs.lines { #expect(!"\(line)".contains("bad.test"), "\(line)") }
        }
    }

    @Test("the pause doubles with each failure, and a webhook may ask for its own")
    func backOff() async throws {
        let client = StubHTTPClient { _ in
            ClientResponse(status: .tooManyRequests, headers: ["Retry-After": "100"])
        }
        let clock = ManualClock()
        try await withAlerts(configuration: ["webhooks": [Self.hook]], client: client, clock: clock) { rig in
            _ = try await rig.raise("t", "m")
            _ = try await requests(rig, 1)
            var start = clock.now
            client.answer { _ in ClientResponse(status: .internalServerError) }
            _ = try await requests(rig, 2, within: .seconds(200))
            #expect(start.duration(to: clock.now) >= .seconds(99))
            start = clock.now
            _ = try await requests(rig, 4, within: .seconds(200))
            // 10 s, then 20 s.
            #expect(start.duration(to: clock.now) >= .seconds(29))
        }
    }

    @Test("after a day it is given up, and said so")
    func givenUp() async throws {
        let clock = ManualClock()
        try await withAlerts(configuration: ["webhooks": [Self.hook]], clock: clock) { rig in
            _ = try await rig.raise("t", "m")
            _ = try await requests(rig, 1)
            clock.advance(by: WebhookLane.patience)
            for count in 2...12 {
                guard try await rig.waiting() > 0 else { break }
                // The pause may begin after the clock was moved.
                let isAsked = try await clock.drive(atMost: .seconds(1000), step: .seconds(20)) {
                    let waits = try await rig.waiting()
                    return rig.host.client.requests.count >= count || waits == 0
                }.isSo
                #expect(isAsked, "\(count)")
            }
            #expect(try await rig.waiting() == 0)
            #expect(rig.host.client.requests.count == 10)
            #expect(rig.host.logs.lines("alerts were not told to a webhook").count == 1)
            #expect(
                rig.host.metric(#"comfyd_alerts_webhook_alerts_total{webhook="ops",outcome="given_up"}"#) == 1)
            #expect(try await rig.list().count == 1)
        }
    }

    @Test("what waits is told after a restart; what waits for a webhook that is gone is dropped")
    func restart() async throws {
        let directory = try TestDirectory()
        let gone: JSON = ["name": "gone", "url": "http://gone.test/"]
        try await withAlerts(configuration: ["webhooks": [Self.hook, gone]], directory: directory) { rig in
            _ = try await rig.raise("t", "m")
            _ = try await requests(rig, 2)
            #expect(try await rig.waiting() == 2)
        }
        let client = StubHTTPClient { _ in ClientResponse(status: .ok) }
        try await withAlerts(
            configuration: ["webhooks": [Self.hook]], client: client,
            clock: ManualClock(wallClock: Timestamp(milliseconds: 1_767_226_600_000)), directory: directory
        ) { rig in
            let told = try await requests(rig, 1)
            #expect(try await body(try #require(told.first))["id"] == 1)
            #expect(try await rig.emptiesOutbox(within: .seconds(120)))
            #expect(client.requests.count == 1)
        }
    }

    @Test(
        "what is wrong with webhooks is said, without the address",
        arguments: [
            (["name": "a", "url": "ftp://hidden.test/"], "expected an http or https address"),
            (["name": "a", "url": "http://hidden.test/", "format": "slack", "secret": "x"], "slack has no signatures"),
            (["name": "", "url": "http://hidden.test/"], "expected a text of 1 to 64 bytes"),
            (["name": "default", "url": "http://hidden.test/"], "this name is there twice"),
            (["name": "a", "url": "http://user:word@hidden.test/"], "expected an address without a user name"),
            (["name": "a", "url": "http:///hidden.test"], "expected an http or https address"),
            (["name": "a", "url": "http://hidden.test:99999/"], "expected an http or https address"),
            (["name": "a", "url": "http://hidden.test/#x"], "expected an address without #"),
        ] as [(JSON, String)])
    func configuration(hook: JSON, words: String) throws {
        let error = #expect(throws: (any Error).self) {
            _ = try TestHost<AlertsPlugin>(
                configuration: ["webhooks": [hook], "webhook_url": "http://single.test/"])
        }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains(words), "\(text)")
        #expect(!text.contains("hidden.test"))
    }
}
