import PluginAPI

/// What is posted to a webhook.
struct WebhookMessage: Sendable {
    /// The address; may have a token and a signature in it.
    let url: Secret
    /// The body.
    let body: [UInt8]
    /// Header fields besides those of the client.
    let headers: HTTPFields

    /// Tells of alerts that wait.
    init(
        _ waiting: WebhookOutbox.Batch, to hook: WebhookSettings, at time: Timestamp, cryptography: any Cryptography
    ) {
        body = Self.body(of: waiting, hook.format).serialized()
        var headers: HTTPFields = ["Content-Type": "application/json; charset=utf-8", "User-Agent": "comfyd"]
        var url = hook.url
        switch (hook.format, hook.secret) {
        case (.generic, let secret):
            let delivery = String(waiting.entries.first?.id ?? 0)
            let seconds = String(time.milliseconds / 1000)
            headers["X-Comfyd-Delivery"] = delivery
            headers["X-Comfyd-Timestamp"] = seconds
            if let secret {
                // All that is signed is in the signature, so that an old message cannot be sent again as a new one.
                let signed = Array("\(delivery).\(seconds).".utf8) + body
                headers["X-Comfyd-Signature"] = "sha256=" + Hex.encode(cryptography.hmacSHA256(signed, key: secret))
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

    private static func body(of waiting: WebhookOutbox.Batch, _ format: WebhookFormat) -> JSON {
        let text = WebhookText.text(of: waiting.entries.map(\.alert), leftOut: waiting.leftOut)
        switch format {
        case .generic:
            var members = waiting.entries.first?.alert.members ?? [:]
            if waiting.leftOut > 0 { members["left_out"] = .number(JSONNumber(waiting.leftOut)) }
            return .object(members)
        case .dingtalk, .wecom: return ["msgtype": "text", "text": ["content": .string(text)]]
        case .slack:
            // Nobody outside chooses what is bold, or which page is shown below a message.
            return [
                "text": .string(WebhookText.escapedForSlack(text)), "mrkdwn": false, "unfurl_links": false,
                "unfurl_media": false,
            ]
        }
    }
}
