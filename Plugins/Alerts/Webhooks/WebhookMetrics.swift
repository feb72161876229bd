import PluginAPI

/// What is counted of webhooks.
struct WebhookMetrics: Sendable {
    /// What became of an alert.
    enum Outcome: String {
        /// The webhook took it.
        case taken
        /// It was tried for too long.
        case givenUp = "given_up"
        /// Too many waited, or it went while it waited.
        case leftOut = "left_out"
        /// The webhook does not take its words.
        case unwanted
    }

    private let messages: any Counter
    private let alerts: any Counter
    private let waiting: any Gauge

    /// Declares the metrics.
    init(_ factory: any MetricsFactory) {
        messages = factory.counter(
            "webhook_messages_total", "Messages that webhooks took, or did not.", labels: ["webhook", "outcome"])
        alerts = factory.counter(
            "webhook_alerts_total", "What became of the alerts that webhooks were to be told of.",
            labels: ["webhook", "outcome"])
        waiting = factory.gauge("webhook_waiting", "Alerts that wait for a webhook.", labels: ["webhook"])
    }

    /// Counts a message.
    func message(_ hook: String, isTaken: Bool) {
        messages.increment(hook, isTaken ? "taken" : "failed")
    }

    /// Counts alerts that wait no more.
    func alerts(_ count: Int, _ hook: String, _ outcome: Outcome) {
        alerts.increment(by: Double(count), [hook, outcome.rawValue])
    }

    /// Says how many alerts wait.
    func waiting(_ count: Int, _ hook: String) {
        waiting.set(Double(count), [hook])
    }
}
