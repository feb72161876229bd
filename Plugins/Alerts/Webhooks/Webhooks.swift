import PluginAPI

/// All webhooks.
struct Webhooks: Sendable {
    private let lanes: [WebhookLane]
    private let outbox: WebhookOutbox
    private let metrics: WebhookMetrics
    private let logger: Logger

    /// How often each webhook is looked at.
    private static let interval = Duration.seconds(1)
    /// How often is looked whether too many alerts wait.
    private static let tendInterval = Duration.seconds(5)

    /// Makes a lane for each webhook.
    init(_ hooks: [WebhookSettings], _ context: PluginContext) {
        let outbox = WebhookOutbox(database: context.database)
        let metrics = WebhookMetrics(context.metrics)
        lanes = hooks.map { WebhookLane($0, outbox: outbox, context: context, metrics: metrics) }
        self.outbox = outbox
        self.metrics = metrics
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

    /// Says that alerts went while they waited for webhooks, by the name of the webhook.
    func leftOut(_ counts: [String: Int]) {
        for (hook, count) in counts {
            metrics.alerts(count, hook, .leftOut)
            logger.warning(
                "alerts were deleted before a webhook was told of them", ["webhook": hook, "alerts": "\(count)"])
        }
    }

    /// Declares what sends, and what tells of trouble.
    func declare(_ setup: inout PluginSetup) {
        for lane in lanes {
            setup.schedule("webhook \(lane.hook.name)", every: Self.interval, jitter: 0) { try await lane.run() }
        }
        guard !lanes.isEmpty else { return }
        setup.schedule("webhooks", every: Self.tendInterval, jitter: 0) { [lanes] in
            for lane in lanes { try await lane.tend() }
        }
        setup.health("webhooks", affects: .information) { [lanes] in
            let problems = lanes.compactMap { lane in lane.problem.map { "\(lane.hook.name): \($0)" } }
            return problems.isEmpty ? .healthy : .degraded(problems.joined(separator: "; "))
        }
    }

    /// Forgets webhooks that are gone.
    ///
    /// - Throws: ``DatabaseError``.
    func sweep() async throws {
        let count = try await outbox.keepOnly(lanes.map(\.hook.name))
        guard count > 0 else { return }
        logger.warning("alerts waited for webhooks that are configured no more", ["alerts": "\(count)"])
    }
}
