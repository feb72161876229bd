import PluginAPI

/// The one way in which alerts come into the table: folded into the one they repeat, or new and waiting for the webhooks.
struct AlertService: Sendable {
    private let database: any Database
    private let clock: any TimeSource
    private let cryptography: any Cryptography
    private let logger: Logger
    private let foldWindow: Duration
    private let webhooks: Webhooks
    private let received: any Counter

    /// Makes a service.
    init(_ context: PluginContext, foldWindow: Duration, webhooks: Webhooks) {
        database = context.database
        clock = context.clock
        cryptography = context.cryptography
        logger = context.logger
        self.foldWindow = foldWindow
        self.webhooks = webhooks
        received = context.metrics.counter("received_total", "Alerts, new or folded into others.", labels: ["outcome"])
    }

    /// Stores an alert, and returns when it is on disk.
    ///
    /// - Throws: ``DatabaseError``.
    func raise(_ draft: AlertDraft) async throws -> Alert {
        told(try await database.write { try self.store(draft, $0) })
    }

    /// Stores an alert, provided that the body, which runs first in the same transaction, says so.
    ///
    /// - Throws: ``DatabaseError``; what the body throws.
    func raise(
        _ draft: AlertDraft, where isNews: @escaping @Sendable (any SQLConnection) throws -> Bool
    ) async throws -> Alert? {
        let stored = try await database.write { connection in
            try isNews(connection) ? try self.store(draft, connection) : nil
        }
        return stored.map(told)
    }

    private func store(_ draft: AlertDraft, _ connection: any SQLConnection) throws -> (alert: Alert, isNew: Bool) {
        let now = clock.wallClock
        let words = [draft.agentID, draft.type, draft.message].joined(separator: "\u{0}")
        let key = Hex.encode(cryptography.sha256(Array(words.utf8)))
        if foldWindow > .zero,
            let alert = try AlertStore.fold(draft, key: key, window: foldWindow, at: now, connection)
        {
            return (alert, false)
        }
        let alert = try AlertStore.insert(draft, key: key, at: now, connection)
        try webhooks.enqueue(alert, connection)
        return (alert, true)
    }

    private func told(_ stored: (alert: Alert, isNew: Bool)) -> Alert {
        received.increment(stored.isNew ? "new" : "folded")
        if stored.isNew {
            let alert = stored.alert
            logger.info("alert", ["alert.id": "\(alert.id)", "agent.id": alert.agentID, "alert.type": alert.type])
            webhooks.wake()
        }
        return stored.alert
    }
}
