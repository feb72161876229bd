import PluginAPI
import Synchronization

extension PromptBoard {
    /// The events of a prompt from now on; `nil` when it is not known.
    func follow(_ promptID: String) -> AsyncStream<PromptEvent>? {
        let feed = PromptFeed()
        let isKnown = state.withLock { state -> Bool in
            guard let prompt = state[promptID] else { return false }
            feed.put(ClientPromptEvent(promptID: promptID, event: .state(prompt.job(on: server()))))
            guard !prompt.state.isFinal, !state.isClosed else {
                feed.end()
                return true
            }
            let others = (state.feeds[promptID] ?? []).filter { $0.feed != nil }
            state.feeds[promptID] = others + [WeakFeed(feed: feed)]
            return true
        }
        guard isKnown else { return nil }
        return AsyncStream(unfolding: { await feed.next()?.event }, onCancel: { feed.end() })
    }

    /// The events of all prompts of a WebSocket id from now on, previews left out.
    func follow(client clientID: String) -> AsyncStream<ClientPromptEvent> {
        let feed = PromptFeed()
        state.withLock { state in
            let open = state.open.values.filter { $0.clientID == clientID && $0.handOver == .taken }
            let server = server()
            for prompt in open.sorted(by: { $0.sequence < $1.sequence }) {
                feed.put(ClientPromptEvent(promptID: prompt.promptID, event: .state(prompt.job(on: server))))
            }
            guard !state.isClosed else { return feed.end() }
            state.forgetLostFeeds(of: clientID)
            state.clientFeeds[clientID, default: []].append(WeakFeed(feed: feed))
        }
        return AsyncStream(unfolding: { await feed.next() }, onCancel: { feed.end() })
    }

    /// Ends all streams of events; later ones end at once.
    func closeFeeds() {
        let feeds = state.withLock { state in
            state.isClosed = true
            defer { (state.feeds, state.clientFeeds) = ([:], [:]) }
            return [state.feeds, state.clientFeeds].flatMap { $0.values.joined().compactMap(\.feed) }
        }
        for feed in feeds { feed.end() }
    }

    /// How many streams of events are open.
    var feedCount: Int {
        state.withLock { state in
            [state.feeds, state.clientFeeds].reduce(0) { $0 + $1.values.joined().count { $0.feed != nil } }
        }
    }

    /// Tells those who follow a prompt of its state; the last one ends their streams.
    ///
    /// Under the lock, so that all see one order.
    func tell(_ state: inout State, _ prompt: ServerPrompt) {
        let followers = state.feeds[prompt.promptID] ?? []
        let clients = prompt.clientID.flatMap { state.clientFeeds[$0] } ?? []
        guard !followers.isEmpty || !clients.isEmpty else { return }
        let event = ClientPromptEvent(promptID: prompt.promptID, event: .state(prompt.job(on: server())))
        for feed in followers + clients { feed.feed?.put(event) }
        guard prompt.state.isFinal else { return }
        for feed in followers { feed.feed?.end() }
        state.feeds[prompt.promptID] = nil
    }

    /// Passes an event of the server on, with our id of the prompt.
    func relay(_ state: inout State, _ event: ComfyEvent, _ promptID: String) {
        let followers = state.feeds[promptID] ?? []
        let clients = state.open[promptID]?.clientID.flatMap { state.clientFeeds[$0] } ?? []
        guard !followers.isEmpty || !clients.isEmpty else { return }
        if case .preview(let preview) = event.message {
            let relayed = PromptEvent.preview(nodeID: preview.nodeID, mimeType: preview.mimeType, image: preview.image)
            for feed in followers { feed.feed?.put(ClientPromptEvent(promptID: promptID, event: relayed)) }
            return
        }
        var data = event.data
        if event.promptID != promptID { data["prompt_id"] = .string(promptID) }
        let relayed = ClientPromptEvent(promptID: promptID, event: .message(type: event.type, data: data))
        for feed in followers + clients { feed.feed?.put(relayed) }
    }
}

extension PromptBoard.State {
    /// Takes out the feeds whose consumers are gone: of one client each time, and of all when there are twice as many clients
    /// as the last time, so that ten thousand that come at once are not counted ten thousand times.
    fileprivate mutating func forgetLostFeeds(of clientID: String) {
        clientFeeds[clientID]?.removeAll { $0.feed == nil }
        guard clientFeeds.count >= sweepLimit else { return }
        defer { sweepLimit = max(PromptBoard.leastSweep, clientFeeds.count * 2) }
        clientFeeds = clientFeeds.compactMapValues { feeds in
            let left = feeds.filter { $0.feed != nil }
            return left.isEmpty ? nil : left
        }
    }
}
