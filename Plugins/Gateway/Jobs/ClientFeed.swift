import PluginAPI
import Synchronization

/// What one consumer of a client's events has not taken yet.
///
/// A consumer that is slow loses messages and states on the way, never a final state; one that does not move at all is
/// sent away.
final class ClientFeed: Sendable {
    fileprivate struct State {
        /// The oldest first; those before ``head`` are taken.
        var events: [(event: ClientPromptEvent, isLosable: Bool)] = []
        var head = 0
        /// How many of them may be lost.
        var losable = 0
        /// How many may be there in all.
        var limit = ClientFeed.longestQueue
        var waiter: CheckedContinuation<ClientPromptEvent?, Never>?
        var isOver = false
    }

    /// How many messages and states on the way are kept; what comes then is lost.
    static let losableLimit = 1024
    /// How many events of all kinds are kept, beside the first ones; with more the stream ends.
    static let longestQueue = 65_536

    private let state = Mutex(State())

    /// Adds an event that happened.
    func put(_ promptID: String, _ event: PromptEvent) {
        var isFinal = false
        if case .state(let job) = event { isFinal = job.state.isFinal }
        let waiter = state.withLock { state -> CheckedContinuation<ClientPromptEvent?, Never>? in
            guard !state.isOver, isFinal || state.losable < Self.losableLimit else { return nil }
            state.events.append((ClientPromptEvent(promptID: promptID, event: event), !isFinal))
            if !isFinal { state.losable += 1 }
            state.isOver = state.events.count - state.head >= state.limit
            return state.takeWaiter()
        }
        waiter?.resume(returning: takeNext())
    }

    /// Puts the states before all that happened since they were read; to be called once, and before the first ``next()``.
    func begin(with jobs: [PromptJob]) {
        state.withLock { state in
            state.events.insert(
                contentsOf: jobs.map { (ClientPromptEvent(promptID: $0.promptID, event: .state($0)), false) }, at: 0)
            state.limit += jobs.count
        }
    }

    /// The next event, for one consumer; `nil` at the end.
    func next() async -> ClientPromptEvent? {
        if let event = takeNext() { return event }
        return await withCheckedContinuation { continuation in
            let former = state.withLock { state -> CheckedContinuation<ClientPromptEvent?, Never>? in
                defer { state.waiter = continuation }
                return state.waiter
            }
            former?.resume(returning: nil)
            // What came, or ended, meanwhile.
            let waiter = state.withLock { $0.isOver || $0.head < $0.events.count ? $0.takeWaiter() : nil }
            waiter?.resume(returning: takeNext())
        }
    }

    /// Lets nothing more come; what is there can still be taken.
    func end() {
        let waiter = state.withLock { state in
            state.isOver = true
            return state.takeWaiter()
        }
        waiter?.resume(returning: takeNext())
    }

    /// Forgets everything: the consumer is gone.
    func cancel() {
        state.withLock { state in
            state.events = []
            state.head = 0
            state.losable = 0
        }
        end()
    }

    private func takeNext() -> ClientPromptEvent? {
        state.withLock { state in
            guard state.head < state.events.count else { return nil }
            let (event, isLosable) = state.events[state.head]
            state.head += 1
            if isLosable { state.losable -= 1 }
            if state.head == state.events.count || state.head > 1024 {
                state.events.removeFirst(state.head)
                state.head = 0
            }
            return event
        }
    }
}

extension ClientFeed.State {
    fileprivate mutating func takeWaiter() -> CheckedContinuation<ClientPromptEvent?, Never>? {
        defer { waiter = nil }
        return waiter
    }
}
