import PluginAPI

/// One webhook, as the configuration has it.
struct WebhookSettings: ConfigurationSection {
    /// What it is called in logs, metrics and the outbox.
    let name: String
    /// Where alerts are posted; such addresses often have a token in them.
    let url: Secret
    /// The form of its messages.
    let format: WebhookFormat
    /// What messages are signed with.
    let secret: Secret?
    /// The types of alerts it gets; empty for all.
    let types: [String]
    /// The shortest time between two messages.
    let interval: Duration

    init(_ config: inout ConfigReader) {
        name = config.required(
            "name", example: "operators", "Its name in logs and metrics; alerts that wait for it are kept under it.",
            check: { (1...64).contains($0.utf8.count) ? nil : "expected a text of 1 to 64 bytes" })
        url = config.required(
            "url", example: Secret("https://example.com/hook"), "Where alerts are posted.", check: Self.problem)
        format = config.value("format", default: WebhookFormat.generic, "The form of its messages.")
        secret = config.optional(
            "secret", as: Secret.self, "What messages are signed with: for generic and dingtalk.",
            check: { $0.isEmpty ? "is empty" : nil })
        types = config.value("types", default: [String](), "The types of alerts it gets; all when empty.")
        interval = config.value(
            "min_interval", default: .seconds(3), in: .zero ... .seconds(3600),
            "The shortest time between two messages; DingTalk and WeCom take 20 a minute.")
        if secret != nil, !format.isSigned { config.report("\(format.rawValue) has no signatures", at: "secret") }
    }

    /// A webhook for everything, of which only the address is given.
    init(single url: Secret) {
        name = "default"
        self.url = url
        format = .generic
        secret = nil
        types = []
        interval = .zero
    }

    /// Whether it wants alerts of a type.
    func wants(_ type: String) -> Bool { types.isEmpty || types.contains(type) }

    /// What is wrong with an address.
    static func problem(_ url: Secret) -> String? {
        url.withExposed { text in
            let scheme = text.prefix { $0 != ":" }.lowercased()
            let rest = text.dropFirst(scheme.count)
            let authority = rest.dropFirst(3).prefix { !"/?#".contains($0) }
            let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
            guard ["http", "https"].contains(scheme), rest.hasPrefix("://"), isHost(host),
                text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
            else { return "expected an http or https address" }
            if authority.contains("@") { return "expected an address without a user name" }
            // What is signed in the query would end up behind it.
            return text.contains("#") ? "expected an address without #" : nil
        }
    }

    /// Whether this is a host, with a port that is one if there is one.
    private static func isHost(_ text: Substring) -> Bool {
        guard let first = text.first, first != ":" else { return false }
        let port = text.last == "]" ? nil : text.lastIndex(of: ":").map { text[text.index(after: $0)...] }
        return port.map { UInt16($0).map { $0 > 0 } ?? false } ?? true
    }
}
