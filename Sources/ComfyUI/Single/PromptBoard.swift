import PluginAPI
import Synchronization

/// The prompts of the single server, in memory: all open ones of ours, and the newest that have ended.
final class PromptBoard: Sendable {
    struct State {
        var open: [String: ServerPrompt] = [:]
        var ended: [String: ServerPrompt] = [:]
        /// The ids of ``ended``, the oldest first.
        var endedOrder: [String] = []
        /// How many of ``endedOrder`` have their history entry in memory: the newest.
        var entries = 0
        /// Bytes of those entries.
        var entryBytes = 0
        /// From the server's own id to ours, where they differ.
        var aliases: [String: String] = [:]
        var sequence = 0
        var feeds: [String: [WeakFeed]] = [:]
        var clientFeeds: [String: [WeakFeed]] = [:]
        /// With how many clients those whose feeds are gone are taken out of ``clientFeeds``.
        var sweepLimit = PromptBoard.leastSweep
        /// Whether followers are sent away.
        var isClosed = false
    }

    /// A feed that lives as long as its consumer.
    struct WeakFeed {
        weak var feed: PromptFeed?
    }

    let state = Mutex(State())
    /// Gives the server as it is now.
    let server: @Sendable () -> ComfyServer

    /// With how many clients those that are gone are looked for first.
    static let leastSweep = 64
    /// How many prompts may be open.
    static let openLimit = 100_000
    /// How many prompts that have ended are remembered.
    static let endedLimit = 1000
    /// How many bytes of history entries are kept; older ones are with the server alone.
    static let entryLimit = 32 << 20

    /// Makes an empty board.
    init(server: @escaping @Sendable () -> ComfyServer) {
        self.server = server
    }

    /// A prompt by our id.
    subscript(promptID: String) -> ServerPrompt? { state.withLock { $0[promptID] } }

    /// Our id of a server's id.
    func ownID(of idOnServer: String) -> String { state.withLock { $0.aliases[idOnServer] ?? idOnServer } }

    /// How many prompts are open.
    var openCount: Int { state.withLock { $0.open.count } }

    /// The open prompts whose hand-over is over.
    var handedOver: [ServerPrompt] { state.withLock { $0.open.values.filter { $0.handOver != .sending } } }

    /// A prompt as other plugins see it.
    func job(_ promptID: String) -> PromptJob? { self[promptID]?.job(on: server()) }

    /// The newest prompts of a WebSocket id, the newest first.
    func jobs(ofClient clientID: String, limit: Int) -> [PromptJob] {
        let found = state.withLock { state in
            (state.open.values.filter { $0.clientID == clientID && $0.handOver == .taken }
                + state.ended.values.filter { $0.clientID == clientID })
        }
        let server = server()
        return found.sorted { $0.sequence > $1.sequence }.prefix(max(0, limit)).map { $0.job(on: server) }
    }
}

// MARK: - Changes

extension PromptBoard {
    /// What came of adding a prompt.
    enum Insertion {
        case added
        /// Its id is taken.
        case known(ServerPrompt)
        /// Too many are open.
        case full
    }

    /// Adds an open prompt.
    func insert(_ prompt: ServerPrompt) -> Insertion {
        state.withLock { state in
            if let known = state[prompt.promptID] { return .known(known) }
            guard state.open.count < Self.openLimit else { return .full }
            state.add(prompt)
            if prompt.handOver == .taken { tell(&state, prompt) }
            return .added
        }
    }

    /// Adds a prompt that ended before this process knew of it.
    func insertEnded(_ prompt: ServerPrompt) -> Insertion {
        state.withLock { state in
            if let known = state[prompt.promptID] { return .known(known) }
            state.add(prompt)
            state.close(prompt.promptID)
            return .added
        }
    }

    /// Removes an open prompt that the server did not take; followers get no more.
    func withdraw(_ promptID: String) {
        state.withLock { state in
            guard let prompt = state.open.removeValue(forKey: promptID) else { return }
            state.aliases[prompt.idOnServer] = nil
            for feed in state.feeds.removeValue(forKey: promptID) ?? [] { feed.feed?.end() }
        }
    }

    /// Changes an open prompt; `nil` when it is not open.
    ///
    /// Those who follow it are told when its state becomes another one.
    @discardableResult
    func update<T: Sendable>(_ promptID: String, _ body: (inout ServerPrompt) -> T) -> T? {
        state.withLock { state in change(&state, promptID, body) }
    }

    private func change<T: Sendable>(_ state: inout State, _ promptID: String, _ body: (inout ServerPrompt) -> T) -> T?
    {
        guard var prompt = state.open.removeValue(forKey: promptID) else { return nil }
        let before = prompt
        let result = body(&prompt)
        state.open[promptID] = prompt
        if prompt.idOnServer != before.idOnServer { state.aliases[prompt.idOnServer] = promptID }
        guard prompt.handOver == .taken, prompt.state != before.state || before.handOver != .taken else {
            return result
        }
        if prompt.state.isFinal { state.close(promptID) }
        tell(&state, prompt)
        return result
    }

    /// Completes a prompt that has ended already.
    func amend(_ promptID: String, _ body: (inout ServerPrompt) -> Void) {
        state.withLock { state in
            guard var prompt = state.ended[promptID] else { return }
            body(&prompt)
            state.ended[promptID] = prompt
        }
    }

    /// Takes in an event of the server about an open prompt.
    ///
    /// - Returns: the id of a prompt that has ended now and whose result should be fetched.
    func handle(_ event: ComfyEvent, at time: Timestamp) -> String? {
        guard let named = event.promptID else { return nil }
        return state.withLock { state -> String? in
            let promptID = state.aliases[named] ?? named
            let isEnd = event.message.endsPrompt
            let isFirstEnd = change(&state, promptID) { prompt -> Bool in
                prompt.handOver = .taken
                prompt.missingSince = nil
                prompt.progress.apply(event.message)
                if !isEnd, event.message.showsExecution { prompt.start(at: time) }
                if prompt.state == .dispatching { prompt.state = .submitted }
                guard isEnd else { return false }
                prompt.hasEnded = true
                defer { prompt.isCollecting = true }
                return !prompt.isCollecting
            }
            guard let isFirstEnd else { return nil }
            relay(&state, event, promptID)
            return isFirstEnd ? promptID : nil
        }
    }
}

extension ServerPrompt {
    /// The server executes it.
    mutating func start(at time: Timestamp) {
        guard state != .running else { return }
        state = .running
        position = nil
        startedAt = time
    }
}

extension PromptBoard.State {
    /// A prompt, open or ended.
    subscript(promptID: String) -> ServerPrompt? { open[promptID] ?? ended[promptID] }

    /// Adds an open prompt.
    mutating func add(_ prompt: ServerPrompt) {
        sequence += 1
        var prompt = prompt
        prompt.sequence = sequence
        open[prompt.promptID] = prompt
        if prompt.idOnServer != prompt.promptID { aliases[prompt.idOnServer] = prompt.promptID }
    }

    /// Moves an open prompt to those that have ended, and forgets the oldest of them.
    mutating func close(_ promptID: String) {
        guard let prompt = open.removeValue(forKey: promptID) else { return }
        aliases[prompt.idOnServer] = nil
        ended[promptID] = prompt
        endedOrder.append(promptID)
        entries += 1
        entryBytes += prompt.entry?.count ?? 0
        while entryBytes > PromptBoard.entryLimit, entries > 0 {
            let oldest = endedOrder[endedOrder.count - entries]
            entryBytes -= ended[oldest]?.entry?.count ?? 0
            ended[oldest]?.entry = nil
            entries -= 1
        }
        guard endedOrder.count > PromptBoard.endedLimit else { return }
        let oldest = endedOrder.removeFirst()
        if entries > endedOrder.count {
            entryBytes -= ended[oldest]?.entry?.count ?? 0
            entries = endedOrder.count
        }
        ended[oldest] = nil
    }
}
