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

    /// Whether status 200 may still be a refusal: `{"errcode": 310000, …}`.
    var hasErrorCodes: Bool { self == .dingtalk || self == .wecom }
}
