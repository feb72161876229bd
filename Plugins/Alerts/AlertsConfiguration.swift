import PluginAPI

/// The plugin's section of the configuration.
struct AlertsConfiguration: ConfigurationSection {
    /// How long repeats are folded into the alert that they repeat; zero folds nothing.
    let foldWindow: Duration
    /// How many alerts an agent may send in a minute.
    let perMinute: Int
    /// How long alerts are kept; zero for ever.
    let retention: Duration
    /// How many alerts are kept in all.
    let keep: Int
    /// How many alerts of one agent are kept.
    let keepPerAgent: Int
    /// Who is told.
    let webhooks: [WebhookSettings]

    init(_ config: inout ConfigReader) {
        foldWindow = config.value(
            "fold_window", default: .seconds(600), in: .zero ... .seconds(86_400),
            "How long the same alert of an agent counts up one row instead of adding another; 0 always adds.")
        perMinute = config.value(
            "rate_limit", default: 60, in: 1...6000, "How many alerts an agent may send in a minute.")
        retention = config.value(
            "retention", default: .seconds(30 * 86_400), in: .zero ... .seconds(3650 * 86_400),
            "How long alerts are kept; 0 for ever.")
        keep = config.value(
            "keep", default: 100_000, in: 1...10_000_000, "How many alerts are kept in all; the oldest go.")
        keepPerAgent = config.value(
            "keep_per_agent", default: 1000, in: 1...1_000_000,
            "How many alerts of one agent are kept, so that one in a loop does not push out the rest.")
        let single = config.optional(
            "webhook_url", as: Secret.self, environment: "ALERT_WEBHOOK_URL",
            "One webhook that gets each alert as JSON; webhooks has the rest.", check: WebhookSettings.problem)
        let listed = config.list("webhooks", of: WebhookSettings.self, "Who is told of new alerts.")
        webhooks = listed + (single.map { [WebhookSettings(single: $0)] } ?? [])
        var names: Set<String> = []
        for (index, hook) in webhooks.enumerated() where !names.insert(hook.name).inserted {
            config.report(
                "this name is there twice", at: index < listed.count ? "webhooks[\(index + 1)].name" : "webhook_url")
        }
    }
}
