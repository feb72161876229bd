import PluginAPI

/// What is posted to a webhook.
struct WebhookMessage: Sendable {
    /// The address; may have a token and a signature in it.
    let url: Secret
    /// The body.
    let body: [UInt8]
    /// Header fields besides those of the client.
    let headers: HTTPFields

    /// The longest text in bytes: WeCom takes 2048.
    static let longestText = 2000

    /// Tells of alerts.
    init(
        _ alerts: [Alert], to hook: WebhookSettings, delivery: Int64, at time: Timestamp,
        cryptography: any Cryptography
    ) {
        var headers: HTTPFields = ["Content-Type": "application/json; charset=utf-8", "User-Agent": "comfyd"]
        var url = hook.url
        let json: JSON
        let text = Self.text(of: alerts)
        switch hook.format {
        case .generic: json = alerts.first?.json ?? .null
        case .dingtalk, .wecom: json = ["msgtype": "text", "text": ["content": .string(text)]]
        case .slack: json = ["text": .string(Self.escaped(text))]
        }
        body = json.serialized()
        switch (hook.format, hook.secret) {
        case (.generic, let secret):
            headers["X-Comfyd-Delivery"] = String(delivery)
            if let secret {
                headers["X-Comfyd-Signature"] = "sha256=" + Hex.encode(cryptography.hmacSHA256(body, key: secret))
            }
        case (.dingtalk, let secret?):
            let signed = secret.withExposed { Array("\(time.milliseconds)\n\($0)".utf8) }
            let sign = PercentEncoding.encode(Base64.encode(cryptography.hmacSHA256(signed, key: secret)))
            url = Secret(
                url.withExposed { text in
                    "\(text)\(text.contains("?") ? "&" : "?")timestamp=\(time.milliseconds)&sign=\(sign)"
                })
        case (.dingtalk, nil), (.wecom, _), (.slack, _): break
        }
        self.url = url
        self.headers = headers
    }

    /// One line for each alert; all together no longer than ``longestText``.
    static func text(of alerts: [Alert]) -> String {
        let room = longestText / max(1, alerts.count) - 1
        return alerts.map { line(of: $0).cut(toBytes: room) }.joined(separator: "\n")
    }

    private static func line(of alert: Alert) -> String {
        // Nobody outside may begin a line of their own.
        let words = "\(alert.agentID): \(alert.type): \(alert.message)".map { $0.isNewline ? " " : $0 }
        let repeats = alert.count > 1 ? " (×\(alert.count))" : ""
        return "[comfyd] \(alert.lastAt.iso8601)\(repeats) " + String(words)
    }

    /// The text with Slack's three letters escaped, so that nobody outside makes links or calls the whole channel.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, letter in
            switch letter {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.append(letter)
            }
        }
    }
}

extension String {
    /// The beginning of the text, at most so many bytes of UTF-8 and never half a character.
    func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var size = "…".utf8.count
        let start = prefix { letter in
            size += letter.utf8.count
            return size <= limit
        }
        return start + "…"
    }
}
