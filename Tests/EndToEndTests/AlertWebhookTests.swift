import PluginAPI
import Synchronization
import Testing

/// Each form of webhooks, told over a real connection to a receiver that is as strict as the service it stands for.
@Suite("webhooks of alerts")
struct AlertWebhookTests {
    private static let secret = "SEC0123456789"
    private static let token = "hidden-token-of-the-address"

    @Test("each service gets what its documentation asks for, a second time when it refused the first")
    func formats() async throws {
        let services = try ["generic", "dingtalk", "wecom", "slack"].map { format in (format, try Service(format)) }
        let hooks = services.map { format, service in
            let secret = ["generic", "dingtalk"].contains(format) ? ", secret: \(Self.secret)" : ""
            return "{ name: \(format), url: \"\(service.server.url)/\(format)?access_token=\(Self.token)\","
                + " format: \(format), min_interval: 0s\(secret) }"
        }
        let configuration = "plugins: { agents: {}, alerts: { webhooks: [\(hooks.joined(separator: ", "))] } }"
        try await withDaemon(configuration) { daemon in
            try await report(daemon)
            for (format, service) in services {
                try await eventually("\(format) is told", holds: { service.server.requests.count >= 2 })
                let request = try #require(service.server.requests.last)
                try await check(request, format)
            }
            for format in ["generic", "dingtalk", "wecom", "slack"] {
                for outcome in ["taken", "failed"] {
                    let series = "comfyd_alerts_webhook_messages_total{webhook=\"\(format)\",outcome=\"\(outcome)\"} 1"
                    try await eventually(series, holds: { try await metrics(daemon).contains(series) })
                }
            }
            let series = "comfyd_alerts_webhook_waiting{webhook=\"slack\"} 0"
            try await eventually("nothing waits", holds: { try await metrics(daemon).contains(series) })
        }
    }

    @Test("neither address nor secret is in logs, health, metrics, or what check says")
    func secrets() async throws {
        let slow = try LocalServer { _ in .none }
        let url = "\(slow.url)/hook?access_token=\(Self.token)"
        let hooks = ["dingtalk", "generic"].map { format in
            "{ name: \(format), url: \"\(url)\", format: \(format), secret: \(Self.secret) }"
        }
        let directory = try TemporaryDirectory()
        let plugins = "plugins: { agents: {}, alerts: { webhooks: [\(hooks.joined(separator: ", "))] } }"
        let configuration = "log: { level: debug }\n\(plugins)"
        try await withDaemon(configuration, in: directory) { daemon in
            try await report(daemon)
            try await daemon.logged("a webhook did not take an alert", "dingtalk")
            try await daemon.logged("a webhook did not take an alert", "generic")
            var told = daemon.log.lines.joined(separator: "\n")
            for path in ["/health", "/health/ready", "/metrics", "/openapi.json", "/api/admin/plugins"] {
                told += try await daemon.admin.get(path).text
            }
            #expect(told.contains("webhooks"))
            for word in [Self.token, Self.secret, "access_token"] { #expect(!told.contains(word), "\(word)") }
        }
        let good = try await comfyd("check", "--config", directory.file("comfyd.yaml"))
        #expect(good.status == .code(0), "\(good)")
        let address = "http://u:\(Self.secret)@x.test/\(Self.token)"
        let wrong = "plugins: { alerts: { webhooks: [{ name: a, url: \"\(address)\" }] } }"
        let bad = try await comfyd("check", "--config", try directory.write("wrong.yaml", wrong))
        #expect(bad.status != .code(0))
        #expect(bad.errors.contains("without a user name") || bad.output.contains("without a user name"), "\(bad)")
        for word in [Self.token, Self.secret] { #expect(!"\(good)\(bad)".contains(word), "\(good)\(bad)") }
    }

    private func metrics(_ daemon: DaemonProcess) async throws -> String {
        try await daemon.admin.get("/metrics").text
    }

    private func report(_ daemon: DaemonProcess) async throws {
        _ = try await daemon.admin.post("/api/admin/comfyui/agents", ["id": "gpu-1"])
        let token = try await daemon.admin.post("/api/admin/comfyui/agents/gpu-1/token", [:]).json["token"]
        let agent = daemon.probe.bearing(try #require(token?.stringValue))
        let alert: JSON = ["type": "disk_low", "message": "<!channel> disk & usage 92%", "payload": ["disk": 0.92]]
        let taken = try await agent.post("/api/agent/agents/gpu-1/alerts", alert)
        #expect(taken.status == 200, "\(taken)")
    }

    private func check(_ request: LocalServer.Head, _ format: String) async throws {
        let body = try JSON(parsing: request.body)
        #expect(request["content-type"] == "application/json; charset=utf-8")
        let query = request.target.split(separator: "?").last?.split(separator: "&") ?? []
        #expect(query.first == "access_token=\(Self.token)")
        switch format {
        case "generic":
            #expect(body["alertType"] == "disk_low")
            #expect(body["payload"]?["disk"] == 0.92)
            let time = try #require(request["x-comfyd-timestamp"])
            let delivery = try #require(request["x-comfyd-delivery"])
            let digest = try await hmac(Array("\(delivery).\(time).".utf8) + request.body)
            #expect(request["x-comfyd-signature"] == "sha256=\(Hex.encode(digest))")
        case "dingtalk":
            let time = try #require(query.first { $0.hasPrefix("timestamp=") }?.dropFirst(10))
            #expect(time.count == 13)
            let digest = try await hmac(Array("\(time)\n\(Self.secret)".utf8))
            #expect(query.last == "sign=\(PercentEncoding.encode(Base64.encode(digest)))")
            #expect(body["msgtype"] == "text")
            let text = body["text"]?["content"]?.stringValue
            #expect(text?.hasSuffix(" gpu-1: disk_low: <!channel> disk & usage 92%") == true, "\(text ?? "")")
        case "wecom":
            #expect(body["msgtype"] == "text")
            #expect(query.count == 1)
            let text = try #require(body["text"]?["content"]?.stringValue)
            #expect(text.hasPrefix("[comfyd] "))
        default:
            #expect(query.count == 1)
            let text = body["text"]?.stringValue
            #expect(text?.hasSuffix(" gpu-1: disk_low: &lt;!channel&gt; disk &amp; usage 92%") == true, "\(text ?? "")")
        }
    }

    /// The digest as another program makes it.
    private func hmac(_ bytes: [UInt8]) async throws -> [UInt8] {
        let folder = try TemporaryDirectory()
        let file = try folder.write("signed", String(decoding: bytes, as: UTF8.self))
        let result = try await run("openssl", ["dgst", "-sha256", "-hmac", Self.secret, "-r", file])
        let hex = result.output.prefix { $0 != " " }
        return try #require(Hex.decode(Array(hex.utf8)), "\(result)")
    }

    /// Refuses the first message in the service's way and takes the rest.
    private struct Service {
        let server: LocalServer

        init(_ format: String) throws {
            let isNew = Mutex(true)
            server = try LocalServer { _ in
                let isFirst = isNew.withLock { isNew in
                    defer { isNew = false }
                    return isNew
                }
                return switch (format, isFirst) {
                case ("dingtalk", true): .json(["errcode": 310_000, "errmsg": "sign not match"])
                case ("wecom", true): .json(["errcode": 93000, "errmsg": "invalid webhook url"])
                case ("dingtalk", false), ("wecom", false): .json(["errcode": 0, "errmsg": "ok"])
                case (_, true): .init(status: 500)
                case (_, false): .init(fields: [("Content-Type", "text/html")], body: Array("ok".utf8))
                }
            }
        }
    }
}
