import PluginAPI
import Synchronization

/// Following all jobs of a WebSocket id.
extension JobTable {
    /// What happens to the accepted jobs of a client from now on; previews are left out.
    ///
    /// - Parameter first: Describes the jobs that are there now; called once, outside of the table.
    func follow(client clientID: String, first: ([LiveJob]) -> [PromptJob]) -> AsyncStream<ClientPromptEvent> {
        let feed = ClientFeed()
        let (key, jobs) = state.withLock { state -> (Int?, [LiveJob]) in
            let jobs = state.jobs(ofClient: clientID)
            guard !state.isClosed else { return (nil, jobs) }
            state.nextFollower += 1
            state.feeds[clientID, default: [:]][state.nextFollower] = feed
            return (state.nextFollower, jobs)
        }
        feed.begin(with: first(jobs))
        if key == nil { feed.end() }
        // Whoever drops the stream drops this too.
        let consumer = Consumer { [weak self] in
            if let key { self?.unfollow(client: clientID, key) }
        }
        return AsyncStream(
            unfolding: { [consumer] in
                _ = consumer
                return await feed.next()
            }, onCancel: { feed.cancel() })
    }

    private func unfollow(client clientID: String, _ key: Int) {
        // Outside of the lock, its events are released.
        _ = state.withLock { state -> ClientFeed? in
            defer { if state.feeds[clientID]?.isEmpty ?? false { state.feeds[clientID] = nil } }
            return state.feeds[clientID]?.removeValue(forKey: key)
        }
    }

    /// Tells those who follow a job's client, unless the job has ended or the state is out of date: then others tell.
    func feed(_ promptID: String, _ event: PromptEvent) {
        state.withLock { state in
            guard let live = state.jobs[promptID]?.live, live.isAccepted else { return }
            if case .state(let job) = event, job.state != live.job.state { return }
            state.feed(live, event)
        }
    }

    /// Tells somebody that a stream was dropped.
    private final class Consumer: Sendable {
        private let onEnd: @Sendable () -> Void

        init(_ onEnd: @escaping @Sendable () -> Void) {
            self.onEnd = onEnd
        }

        deinit {
            onEnd()
        }
    }
}

extension JobTable.State {
    /// Whether somebody follows the client of a job.
    func isFed(_ promptID: String) -> Bool {
        guard !feeds.isEmpty, let clientID = jobs[promptID]?.live.job.clientID else { return false }
        return feeds[clientID] != nil
    }

    /// Hands an event to those who follow a job's client.
    func feed(_ live: LiveJob, _ event: PromptEvent) {
        guard !feeds.isEmpty, let clientID = live.job.clientID, let feeds = feeds[clientID] else { return }
        for feed in feeds.values { feed.put(live.job.promptID, event) }
    }

    /// The accepted jobs of a client, the oldest first.
    func jobs(ofClient clientID: String) -> [LiveJob] {
        var jobs: [LiveJob] = []
        var entry = newestOfClient[clientID]
        while let current = entry {
            if current.live.isAccepted { jobs.append(current.live) }
            entry = current.older
        }
        return jobs.reversed()
    }

    /// Adds a job to those of its client.
    mutating func link(_ entry: JobTable.Entry) {
        guard let clientID = entry.live.job.clientID else { return }
        entry.older = newestOfClient.updateValue(entry, forKey: clientID)
        entry.older?.newer = entry
    }

    /// Takes a job out from those of its client.
    mutating func unlink(_ entry: JobTable.Entry) {
        entry.older?.newer = entry.newer
        if let newer = entry.newer {
            newer.older = entry.older
        } else if let clientID = entry.live.job.clientID {
            newestOfClient[clientID] = entry.older
        }
        entry.older = nil
        entry.newer = nil
    }
}
