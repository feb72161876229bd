import PluginAPI
import Synchronization

/// Events on their way to one consumer; one that is slow loses messages, never a final state.
final class PromptFeed: Sendable {
    private struct State {
        var events: [ClientPromptEvent] = []
        var waiter: CheckedContinuation<ClientPromptEvent?, Never>?
        var isEnded = false
    }

    private let state = Mutex(State())

    /// How many events a consumer may be behind before it loses the oldest.
    static let limit = 256
    /// How many final states may wait beside them; a consumer that is so far behind is sent away.
    static let finalLimit = 10_000

    /// Adds an event.
    func put(_ event: ClientPromptEvent) {
        let waiter = state.withLock { state -> CheckedContinuation<ClientPromptEvent?, Never>? in
            guard !state.isEnded else { return nil }
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            if state.events.count >= Self.limit {
                if let oldest = state.events.firstIndex(where: { !$0.isFinal }) { state.events.remove(at: oldest) }
                if state.events.count >= Self.finalLimit { state.isEnded = true }
            }
            state.events.append(event)
            return nil
        }
        waiter?.resume(returning: event)
    }

    /// Ends the feed after what is in it.
    func end() {
        let waiter = state.withLock { state in
            state.isEnded = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: nil)
    }

    /// The next event; `nil` at the end, and when the task is cancelled.
    ///
    /// Only one task may ask.
    func next() async -> ClientPromptEvent? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> ClientPromptEvent?? in
                    if Task.isCancelled { return .some(nil) }
                    if !state.events.isEmpty { return .some(state.events.removeFirst()) }
                    if state.isEnded { return .some(nil) }
                    state.waiter = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            end()
        }
    }
}

extension ClientPromptEvent {
    /// Whether it tells the end of a prompt.
    fileprivate var isFinal: Bool {
        guard case .state(let job) = event else { return false }
        return job.state.isFinal
    }
}
