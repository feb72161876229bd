import PluginAPI
import Synchronization

/// How the single server is, as of the last contact with it.
final class ServerContact: Sendable {
    fileprivate struct State {
        /// Why it cannot be used; `nil` when it answered last time, or was never asked.
        var problem: String?
        /// The last reading of its queue.
        var lastLook: Reading?
        /// When it last failed.
        var lastFailure: Instant?
        /// Since when its event stream is open.
        var connectedSince: Instant?
        /// Since when it has said nothing although it was handed a prompt.
        var unheardSince: Instant?
        /// How many prompts it has, as it said last; `nil` when it never did.
        var remaining: Int?
        /// Counts what it said about that.
        var news = 0
        /// How many prompts are being handed over, and how many ever were: a reading of the queue beside that may have them or not.
        var handOvers = (underWay: 0, begun: 0)
        /// Counts the changes of its queue that were heard of.
        var changes = 0
    }

    /// A reading of the queue.
    struct Reading: Sendable {
        /// When it began.
        let began: Instant
        /// How many changes of the queue were known then.
        let changes: Int
        /// How many prompts were handed over by then; `nil` while one was.
        let handOvers: Int?
    }

    private let state = Mutex(State())
    private let context: PluginContext

    /// The id of the single server.
    static let serverID = "default"

    /// Knows nothing yet.
    init(_ context: PluginContext) {
        self.context = context
    }

    /// The server as other plugins see it.
    var server: ComfyServer {
        let url = context.daemon.comfyBaseURL
        return ComfyServer(
            id: Self.serverID, name: url, url: url, enabled: true, healthy: state.withLock { $0.problem == nil })
    }

    /// Why the server cannot be used; `nil` when it can, as far as known.
    var problem: String? { state.withLock { $0.problem } }
    /// Since when the event stream is open; `nil` when it is not.
    var connectedSince: Instant? { state.withLock { $0.connectedSince } }
    /// Since when the server has said nothing although it was handed a prompt.
    var unheardSince: Instant? { state.withLock { $0.unheardSince } }
    /// How many prompts the server has, as it said last.
    var remaining: Int? { state.withLock { $0.remaining } }

    /// The server answered.
    func reached() {
        guard state.withLock({ $0.problem.take() }) != nil else { return }
        context.logger.notice("the ComfyUI server answers again", ["server.url": context.daemon.comfyBaseURL])
        announce(nil)
    }

    /// The server did not answer as it should.
    func failed(_ error: any Error) {
        guard !(error is CancellationError) else { return }
        let reason = ServerFailure.words(error)
        let isNew = state.withLock { state in
            state.lastFailure = context.clock.now
            defer { state.problem = reason }
            return state.problem == nil
        }
        guard isNew else { return }
        context.logger.warning(
            "the ComfyUI server does not answer",
            ["server.url": context.daemon.comfyBaseURL, "reason": reason, "error": "\(error)"])
        announce(reason)
    }

    /// The event stream was opened; or it is away.
    func connected(since: Instant?) {
        state.withLock { state in
            state.connectedSince = since
            state.unheardSince = nil
        }
    }

    /// A frame came.
    ///
    /// - Returns: whether the queue has changed.
    func heard(_ message: ComfyMessage) -> Bool {
        let hasChanged = state.withLock { state in
            state.unheardSince = nil
            let before = state.remaining
            if case .status(let remaining?, _) = message { state.tell(remaining) }
            var hasChanged = message.endsPrompt || state.remaining != before
            if case .executionStart = message { hasChanged = true }
            if hasChanged { state.changes &+= 1 }
            return hasChanged
        }
        reached()
        return hasChanged
    }

    /// A reading of the queue begins now.
    func beginReading() -> Reading {
        let now = context.clock.now
        return state.withLock { state in
            let handOvers = state.handOvers.underWay == 0 ? state.handOvers.begun : nil
            return Reading(began: now, changes: state.changes, handOvers: handOvers)
        }
    }

    /// The queue was read.
    func read(_ queue: QueueOutline, _ reading: Reading) {
        state.withLock { state in
            state.lastLook = reading
            if reading.handOvers == state.handOvers.begun { state.tell(queue.running.count + queue.pending.count) }
        }
        reached()
    }

    /// Hands a prompt over: if that succeeds the server has one more, unless it has told so already.
    ///
    /// - Throws: what the body throws.
    func handingOver<T>(_ body: () async throws -> T) async throws -> T {
        let news = state.withLock { state in
            state.handOvers.underWay += 1
            state.handOvers.begun += 1
            return state.news
        }
        defer { state.withLock { $0.handOvers.underWay -= 1 } }
        let answer = try await body()
        state.withLock { state in
            state.unheardSince = state.unheardSince ?? context.clock.now
            if state.news == news { state.remaining = (state.remaining ?? 0) + 1 }
        }
        reached()
        return answer
    }

    /// Whether the queue was read within a time and has not changed since, or was asked for in vain.
    func looked(within time: Duration) -> Bool {
        let now = context.clock.now
        return state.withLock { state in
            if state.problem != nil { return state.lastFailure.map { $0.duration(to: now) < time } ?? false }
            return state.lastLook.map { $0.changes == state.changes && $0.began.duration(to: now) < time } ?? false
        }
    }

    private func announce(_ reason: String?) {
        let server = server
        context.events.publish(
            ServerHealthChanged(
                serverID: server.id, serverName: server.name, healthy: server.healthy, reason: reason))
    }
}

extension ServerContact.State {
    /// Takes in how many prompts the server has.
    fileprivate mutating func tell(_ count: Int) {
        remaining = max(0, count)
        news &+= 1
    }
}
