import PluginAPI
internal import Synchronization

/// Tells one webhook of what waits for it, in order and no faster than it wants; a webhook that fails delays nobody else.
///
/// A message may arrive twice, when the daemon ends between the answer and noting it; it is never lost before
/// ``patience`` is over.
final class WebhookLane: Sendable {
    /// The webhook.
    let hook: WebhookSettings

    private struct State {
        /// Whether something may wait.
        var hasWork = true
        var pausedUntil: Instant?
        /// Failures one after the other.
        var failures = 0
        var problem: String?
        /// How many messages tell of one alert each, because a message of several was not taken: it may be the fault of one.
        var singles = 0
        /// What was taken, and is not noted yet.
        var taken: WebhookOutbox.Batch?
    }

    private let outbox: WebhookOutbox
    private let context: PluginContext
    private let metrics: WebhookMetrics
    private let state = Mutex(State())

    /// How often is looked whether something waits.
    private static let interval = Duration.seconds(1)
    /// How long an alert is tried to be told of.
    static let patience = Duration.seconds(86_400)
    /// The failures before which nothing is given up: the daemon may have been off for days.
    private static let fewestFailures = 10
    /// The pause after the first failure; each one more doubles it.
    private static let firstPause = Duration.seconds(5)
    private static let mostDoublings = 6
    /// The most messages of one run.
    private static let mostInARow = 100

    /// Makes a lane.
    init(_ hook: WebhookSettings, outbox: WebhookOutbox, context: PluginContext, metrics: WebhookMetrics) {
        self.hook = hook
        self.outbox = outbox
        self.context = context
        self.metrics = metrics
    }

    /// Why the last message was not taken; `nil` when it was.
    var problem: String? { state.withLock { $0.problem } }

    /// Says that something waits.
    func wake() {
        state.withLock { $0.hasWork = true }
    }

    /// Sends what waits, and looks again every ``interval``.
    ///
    /// - Throws: `CancellationError`.
    func keepRunning() async throws {
        while true {
            try await context.clock.sleep(for: Self.interval)
            do {
                try await run()
            } catch let error as DatabaseError {
                context.logger.warning(
                    "what waits for a webhook cannot be read or noted", ["webhook": hook.name, "error": "\(error)"])
            }
        }
    }

    /// Sends what waits, until it is time for a pause; after an error that is tried again.
    private func run() async throws {
        for _ in 0..<Self.mostInARow {
            let now = context.clock.now
            let isTime = state.withLock { state in
                guard state.hasWork, state.pausedUntil.map({ $0 <= now }) ?? true else { return false }
                state.hasWork = false
                return true
            }
            guard isTime else { return }
            do {
                try await noteTaken()
                try await send()
            } catch {
                wake()
                throw error
            }
        }
    }

    /// Leaves out what is too much, and tells how much waits.
    ///
    /// - Throws: ``DatabaseError``.
    func tend() async throws {
        let count = try await outbox.trim(hook.name, to: hook.format.mostWaiting)
        if count > 0 {
            metrics.alerts(count, hook.name, .leftOut)
            context.logger.warning(
                "too many alerts wait for a webhook", ["webhook": hook.name, "alerts": "\(count)"])
        }
        metrics.waiting(try await outbox.count(hook.name), hook.name)
    }

    private func send() async throws {
        let time = context.clock.wallClock
        let limit = state.withLock { $0.singles > 0 ? 1 : hook.format.batch }
        let batch = try await outbox.due(hook.name, at: time, limit: limit)
        guard let first = batch.entries.first else {
            guard let next = try await outbox.nextTime(hook.name) else { return }
            let wait = Duration.milliseconds(max(0, next.milliseconds - time.milliseconds))
            return pause(min(wait, WebhookDelivery.longestPause))
        }
        let message = WebhookMessage(batch, to: hook, at: time, cryptography: context.cryptography)
        switch try await WebhookDelivery.post(message, hook.format, context) {
        case .taken:
            metrics.message(hook.name, isTaken: true)
            metrics.alerts(batch.entries.count, hook.name, .taken)
            state.withLock { state in
                state.failures = 0
                state.problem = nil
                state.singles = max(0, state.singles - 1)
                state.taken = batch
            }
            pause(hook.interval)
            try await noteTaken()
        case .unwanted(let reason):
            try await leaveOut(batch, first, reason)
        case .failed(let reason, let wish):
            try await fail(batch.entries, reason, wish)
        }
    }

    /// Takes what was told off the disk; until that worked nothing else is sent, or it would be told again.
    private func noteTaken() async throws {
        guard let taken = state.withLock({ $0.taken }) else { return }
        try await outbox.remove(taken, of: hook.name)
        state.withLock { $0.taken = nil }
    }

    private func leaveOut(_ batch: WebhookOutbox.Batch, _ first: WebhookOutbox.Entry, _ reason: String) async throws {
        metrics.message(hook.name, isTaken: false)
        pause(hook.interval)
        guard batch.entries.count == 1 else {
            return state.withLock { $0.singles = batch.entries.count }
        }
        state.withLock { $0.singles = max(0, $0.singles - 1) }
        try await outbox.giveUp(first)
        metrics.alerts(1, hook.name, .unwanted)
        context.logger.warning(
            "a webhook does not want an alert",
            ["webhook": hook.name, "reason": reason, "alert.id": "\(first.alert.id)"])
    }

    private func fail(_ entries: [WebhookOutbox.Entry], _ reason: String, _ wish: Duration?) async throws {
        let failures = state.withLock { state in
            state.failures += 1
            state.problem = reason
            state.singles = max(state.singles, entries.count)
            return state.failures
        }
        metrics.message(hook.name, isTaken: false)
        context.logger.warning(
            "a webhook did not take an alert", ["webhook": hook.name, "reason": reason, "failures": "\(failures)"])
        pause(max(wish ?? Self.wait(after: failures - 1), hook.interval))
        let now = context.clock.wallClock
        if failures >= Self.fewestFailures {
            let count = try await outbox.giveUp(hook.name, before: now.advanced(by: .zero - Self.patience))
            if count > 0 {
                metrics.alerts(count, hook.name, .givenUp)
                context.logger.error(
                    "alerts were not told to a webhook", ["webhook": hook.name, "alerts": "\(count)"])
            }
        }
        let wait = wish ?? Self.wait(after: entries.map(\.attempts).max() ?? 0)
        try await outbox.postpone(entries, until: now.advanced(by: wait))
    }

    private static func wait(after failures: Int) -> Duration {
        firstPause * (1 << min(max(failures, 0), mostDoublings))
    }

    private func pause(_ duration: Duration) {
        let end = context.clock.now.advanced(by: duration)
        state.withLock { state in
            state.hasWork = true
            state.pausedUntil = end
        }
    }
}
