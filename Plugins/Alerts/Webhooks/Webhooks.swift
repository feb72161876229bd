import PluginAPI

/// All webhooks.
struct Webhooks: Sendable {
    private let lanes: [WebhookLane]
    private let outbox: WebhookOutbox
    private let logger: Logger

    /// How often each webhook is looked at.
    private static let interval = Duration.seconds(1)

    /// Makes a lane for each webhook.
    init(_ hooks: [WebhookSettings], _ context: PluginContext) {
        let outbox = WebhookOutbox(database: context.database)
        let sent = context.metrics.counter(
            "webhook_alerts_total", "Alerts that webhooks took, failed to take, or were not told of in the end.",
            labels: ["webhook", "outcome"])
        lanes = hooks.map { WebhookLane($0, outbox: outbox, context: context, sent: sent) }
        self.outbox = outbox
        logger = context.logger
    }

    /// Lets a new alert wait for those that want it, in the transaction that adds it.
    ///
    /// - Throws: ``DatabaseError``.
    func enqueue(_ alert: Alert, _ connection: any SQLConnection) throws {
        let hooks = lanes.map(\.hook).filter { $0.wants(alert.type) }
        try WebhookOutbox.add(alert, for: hooks.map(\.name), connection)
    }

    /// Says that something waits.
    func wake() {
        for lane in lanes { lane.wake() }
    }

    /// Declares what sends, and what tells of trouble.
    func declare(_ setup: inout PluginSetup) {
        for lane in lanes {
            setup.schedule("webhook \(lane.hook.name)", every: Self.interval, jitter: 0) { try await lane.run() }
        }
        guard !lanes.isEmpty else { return }
        setup.health("webhooks", affects: .information) { [lanes] in
            let problems = lanes.compactMap { lane in lane.problem.map { "\(lane.hook.name): \($0)" } }
            return problems.isEmpty ? .healthy : .degraded(problems.joined(separator: "; "))
        }
    }

    /// Deletes what waits in vain.
    ///
    /// - Throws: ``DatabaseError``.
    func sweep() async throws {
        let count = try await outbox.sweep(hooks: lanes.map(\.hook.name))
        guard count > 0 else { return }
        logger.warning("alerts that waited for webhooks were dropped", ["alerts": "\(count)"])
    }
}
