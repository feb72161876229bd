import PluginAPI

/// The form of a webhook's messages.
enum WebhookFormat: String, ConfigChoice {
    /// The alert as the list shows it, signed in `X-Comfyd-Signature`.
    case generic
    /// A text for a DingTalk robot, signed in the query.
    case dingtalk
    /// A text for a WeCom group robot.
    case wecom
    /// A text for an incoming webhook of Slack, and of those that take its form.
    case slack

    /// Whether messages can be signed.
    var isSigned: Bool { self == .generic || self == .dingtalk }

    /// How many alerts one message tells of.
    var batch: Int { self == .generic ? 1 : 10 }

    /// How many alerts may wait: people read the newest, a program wants all.
    var mostWaiting: Int { self == .generic ? WebhookOutbox.longest : WebhookOutbox.longestForPeople }

    /// Whether status 200 may still be a refusal: `{"errcode": 310000, …}`.
    var hasErrorCodes: Bool { self == .dingtalk || self == .wecom }

    /// What an error code in an answer means.
    func result(of code: Int) -> WebhookDelivery {
        let reason = "errcode \(code)"
        switch (self, code) {
        case (_, 0): return .taken
        // Unsafe links and unsuitable words: the message will never be taken.
        case (.dingtalk, 430_101...430_104): return .unwanted(reason)
        // More than 20 messages in a minute: ten minutes of DingTalk's silence, one of WeCom's.
        case (.dingtalk, 130_101), (.dingtalk, 410_100): return .failed(reason, pause: .seconds(600))
        case (.wecom, 45009): return .failed(reason, pause: .seconds(60))
        default: return .failed(reason, pause: nil)
        }
    }
}
