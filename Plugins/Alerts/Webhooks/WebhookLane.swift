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
        var failures = 0
        var problem: String?
    }

    private let outbox: WebhookOutbox
    private let context: PluginContext
    private let sent: any Counter
    private let state = Mutex(State())

    /// How long an alert is tried to be told of.
    static let patience = Duration.seconds(86_400)
    /// The pause after the first failure; each one more doubles it.
    private static let firstPause = Duration.seconds(5)
    private static let mostDoublings = 6

    /// Makes a lane.
    init(_ hook: WebhookSettings, outbox: WebhookOutbox, context: PluginContext, sent: any Counter) {
        self.hook = hook
        self.outbox = outbox
        self.context = context
        self.sent = sent
    }

    /// Why the last message was not taken; `nil` when it was.
    var problem: String? { state.withLock { $0.problem } }

    /// Says that something waits.
    func wake() {
        state.withLock { $0.hasWork = true }
    }

    /// Sends one message if one waits and it is time.
    ///
    /// - Throws: ``DatabaseError``, `CancellationError`; what waits is tried again.
    func run() async throws {
        let now = context.clock.now
        let failures = state.withLock { state -> Int? in
            guard state.hasWork, state.pausedUntil.map({ $0 <= now }) ?? true else { return nil }
            state.hasWork = false
            return state.failures
        }
        guard let failures else { return }
        do {
            // After a failure one at a time: it may have been the fault of one of them.
            try await send(atMost: failures == 0 ? hook.format.batch : 1)
        } catch {
            wake()
            throw error
        }
    }

    private func send(atMost limit: Int) async throws {
        let time = context.clock.wallClock
        let entries = try await outbox.due(hook.name, at: time, limit: limit)
        guard let first = entries.first else {
            guard let next = try await outbox.nextTime(hook.name) else { return }
            pause(.milliseconds(max(0, next.milliseconds - time.milliseconds)))
            return
        }
        let message = WebhookMessage(
            entries.map(\.alert), to: hook, delivery: first.id, at: time, cryptography: context.cryptography)
        switch try await WebhookDelivery.post(message, hook.format, context.httpClient) {
        case .taken:
            try await outbox.remove(entries)
            sent.increment(by: Double(entries.count), [hook.name, "taken"])
            state.withLock { state in
                state.failures = 0
                state.problem = nil
            }
            pause(hook.interval)
        case .failed(let reason, let wish):
            try await fail(entries, reason, wish)
        }
    }

    private func fail(_ entries: [WebhookOutbox.Entry], _ reason: String, _ wish: Duration?) async throws {
        let attempts = entries.map(\.attempts).max() ?? 0
        let now = context.clock.wallClock
        let latest = now.milliseconds - Self.patience.inNanoseconds / 1_000_000
        let hopeless = entries.filter { $0.waitsSince.milliseconds <= latest }
        let wait = wish ?? Self.wait(after: attempts)
        try await outbox.remove(hopeless)
        try await outbox.postpone(
            entries.filter { $0.waitsSince.milliseconds > latest },
            until: Timestamp(milliseconds: now.milliseconds + wait.inNanoseconds / 1_000_000))
        let failures = state.withLock { state in
            state.failures += 1
            state.problem = reason
            return state.failures
        }
        sent.increment(hook.name, "failed")
        context.logger.warning(
            "a webhook did not take an alert", ["webhook": hook.name, "reason": reason, "failures": "\(failures)"])
        if !hopeless.isEmpty {
            sent.increment(by: Double(hopeless.count), [hook.name, "given_up"])
            context.logger.error(
                "alerts were not told to a webhook", ["webhook": hook.name, "alerts": "\(hopeless.count)"])
        }
        pause(max(wish ?? Self.wait(after: failures - 1), hook.interval))
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
