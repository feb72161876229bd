import PluginAPI
import PluginTestKit
import Testing

@testable import Alerts

/// What an agent can do with its words to those who read them.
@Suite struct WebhookTextTests {
    /// What a webhook gets of an alert.
    private func told(_ format: String, type: String = "t", _ message: String) async throws -> JSON {
        let hook: JSON = ["name": "hook", "url": "http://hook.test/", "format": .string(format)]
        let client = StubHTTPClient { _ in .json(["errcode": 0]) }
        var body = JSON.null
        try await withAlerts(configuration: ["webhooks": [hook]], client: client) { rig in
            _ = try await rig.raise(type, message)
            try await rig.becomes(within: .seconds(10)) { !client.requests.isEmpty }
            body = try JSON(parsing: try await #require(client.requests.first?.body).collect(upTo: 1 << 20))
        }
        return body
    }

    private func text(_ json: JSON) -> String {
        (json["text"]?["content"] ?? json["text"])?.stringValue ?? ""
    }

    @Test("Slack and its kin format nothing, show no previews, and call nobody")
    func slack() async throws {
        let json = try await told("slack", "*b* <!here> <\u{301}b> @channel http://x.test")
        #expect(json["mrkdwn"] == false)
        #expect(json["unfurl_links"] == false)
        #expect(json["unfurl_media"] == false)
        #expect(text(json).hasSuffix("*b* &lt;!here&gt; &lt;\u{301}b&gt; @\u{200B}channel http://x.test"))
    }

    @Test(
        "no control characters and none that turn the direction of writing", arguments: ["dingtalk", "wecom", "slack"])
    func controls(format: String) async throws {
        let message = "a\u{0}b\u{1B}[31mc\u{202E}d\u{2066}e\u{85}f\u{2028}g\th\r\ni"
        let words = text(try await told(format, message))
        #expect(words.hasSuffix(": a b [31mc d e f g h i"), "\(words.unicodeScalars.map(\.value))")
    }

    @Test("a letter with thousands of marks is cut, not the message before it")
    func marks() async throws {
        let marks = String(repeating: "\u{301}", count: 4000)
        let words = text(try await told("wecom", "disk full e\(marks) on /data"))
        #expect(words.contains("disk full "))
        #expect(words.contains(" on /data"))
        #expect(words.utf8.count <= 2048)
    }

    @Test("the longest message keeps within WeCom's 2048 bytes and ends between characters")
    func longest() async throws {
        let words = text(try await told("wecom", String(repeating: "👩‍👩‍👧‍👦", count: 500)))
        #expect(words.utf8.count <= 2048 && words.utf8.count > 1900)
        #expect(words.hasSuffix("👩‍👩‍👧‍👦…"))
    }
}
