import PluginAPI
import Synchronization

/// The jobs that have not ended, in memory, and those who follow them.
final class JobTable: Sendable {
    struct State {
        var jobs: [String: Entry] = [:]
        var byWorker: [String: Set<String>] = [:]
        /// From a worker's own id to ours, where they differ.
        var aliases: [String: String] = [:]
        /// From gateway job ids to prompt ids.
        var gatewayJobs: [String: String] = [:]
        /// The newest job of each client id; it leads to the others.
        var newestOfClient: [String: Entry] = [:]
        var followers: [String: [Int: Follower]] = [:]
        /// Those who follow a client id.
        var feeds: [String: [Int: ClientFeed]] = [:]
        var nextFollower = 0
        /// Whether followers are sent away.
        var isClosed = false
        var counts: [JobState: Int] = [:]
    }

    /// Holds a job outside the dictionary, where half of the room is empty.
    ///
    /// Unchecked, because entries never leave ``State``: who touches one has the lock.
    final class Entry: @unchecked Sendable {
        var live: LiveJob
        /// The neighbours among its client's jobs; they are in ``State/jobs``, as long as they are neighbours.
        unowned(unsafe) var newer: Entry?
        unowned(unsafe) var older: Entry?

        init(_ live: LiveJob) {
            self.live = live
        }
    }

    struct Follower {
        let continuation: AsyncStream<PromptEvent>.Continuation
        let wantsPreviews: Bool
    }

    let state = Mutex(State())
    /// Learns how the number of jobs on a worker changes.
    private let onPlacing: @Sendable (Int, String) -> Void

    /// Makes an empty table; the closure is called with +1 or -1 and a worker's id, and must not call the table.
    init(onPlacing: @escaping @Sendable (_ change: Int, _ workerID: String) -> Void = { _, _ in }) {
        self.onPlacing = onPlacing
    }

    /// How many events a slow follower may be behind before it loses the oldest.
    private static let followerBuffer = 256

    /// Makes room for so many jobs.
    func reserve(_ count: Int) {
        state.withLock { state in
            state.jobs.reserveCapacity(count)
            state.gatewayJobs.reserveCapacity(count)
        }
    }

    /// Adds a job.
    ///
    /// - Returns: false when its id is there already.
    func insert(_ live: LiveJob) -> Bool {
        state.withLock { state in
            let entry = Entry(live)
            guard state.jobs[live.job.promptID, default: entry] === entry else { return false }
            state.jobs[live.job.promptID] = entry
            state.link(entry)
            if let id = live.job.gatewayJobID { state.gatewayJobs[id] = live.job.promptID }
            state.index(live.job.promptID, Placing(live.job), adding: true)
            if let worker = live.job.workerID { onPlacing(1, worker) }
            return true
        }
    }

    /// A job.
    subscript(promptID: String) -> LiveJob? { state.withLock { $0.jobs[promptID]?.live } }

    /// Changes a job; `nil` when it is not there.
    func update<T>(_ promptID: String, _ body: (inout LiveJob) -> T) -> T? {
        state.withLock { state -> T? in
            guard let entry = state.jobs[promptID] else { return nil }
            let before = Placing(entry.live.job)
            // In place: a copy would make a copy of every set and text that the body touches.
            let result = body(&entry.live)
            let after = Placing(entry.live.job)
            if before != after {
                state.index(promptID, before, adding: false)
                state.index(promptID, after, adding: true)
            }
            if before.workerID != after.workerID {
                if let worker = before.workerID { onPlacing(-1, worker) }
                if let worker = after.workerID { onPlacing(1, worker) }
            }
            return result
        }
    }

    /// Removes a job and ends those who follow it, with a last event.
    ///
    /// - Returns: the job as it was last.
    @discardableResult
    func remove(_ promptID: String, last event: PromptEvent? = nil) -> LiveJob? {
        let (live, followers) = state.withLock { state -> (LiveJob?, [Int: Follower]) in
            guard let entry = state.jobs.removeValue(forKey: promptID) else { return (nil, [:]) }
            let live = entry.live
            state.unlink(entry)
            if let event { state.feed(live, event) }
            if let id = live.job.gatewayJobID { state.gatewayJobs[id] = nil }
            state.index(promptID, Placing(live.job), adding: false)
            if let worker = live.job.workerID { onPlacing(-1, worker) }
            return (live, state.followers.removeValue(forKey: promptID) ?? [:])
        }
        for follower in followers.values {
            if let event { follower.continuation.yield(event) }
            follower.continuation.finish()
        }
        return live
    }

    /// Our id of a worker's id.
    func ownID(of workerPromptID: String) -> String {
        state.withLock { $0.aliases[workerPromptID] ?? workerPromptID }
    }

    /// The prompt id of an open gateway job.
    func promptID(ofGatewayJob id: String) -> String? { state.withLock { $0.gatewayJobs[id] } }

    /// Those of some jobs that are there.
    func jobs(_ promptIDs: some Sequence<String>) -> [String: LiveJob] {
        state.withLock { state in
            promptIDs.reduce(into: [:]) { found, id in found[id] = state.jobs[id]?.live }
        }
    }

    /// The ids of a worker's jobs.
    func jobs(on workerID: String) -> [String] {
        state.withLock { Array($0.byWorker[workerID] ?? []) }
    }

    /// The ids that a worker knows its jobs by.
    func idsOnWorker(_ workerID: String) -> Set<String> {
        state.withLock { state in
            Set((state.byWorker[workerID] ?? []).map { state.jobs[$0]?.live.job.idOnWorker ?? $0 })
        }
    }

    /// The jobs that must have ended by now.
    func overdue(_ now: Instant) -> [String] {
        state.withLock { state in
            state.byWorker.values.flatMap { ids in
                ids.filter { state.jobs[$0]?.live.deadline.map { $0 <= now } ?? false }
            }
        }
    }

    /// The accepted jobs that are being handed over now.
    ///
    /// - Parameter caller: Whose; `nil` for all.
    func sending(of caller: String?) -> [String] {
        state.withLock { state in
            var ids: [String] = []
            for (id, entry) in state.jobs where entry.live.isSending && entry.live.isAccepted {
                if caller == nil || caller == entry.live.job.caller { ids.append(id) }
            }
            return ids
        }
    }

    /// Whether a worker has jobs.
    func hasJobs(on workerID: String) -> Bool {
        state.withLock { !($0.byWorker[workerID]?.isEmpty ?? true) }
    }

    /// How many jobs there are in each state.
    var counts: [JobState: Int] { state.withLock { $0.counts } }
}

// MARK: - Following

extension JobTable {
    /// The events of a job from now on; `nil` when it is not there.
    ///
    /// Ends after the first one once ``closeFollowers()`` was called.
    ///
    /// - Parameter previews: Whether preview images are among them.
    func follow(
        _ promptID: String, previews: Bool = true, first: (LiveJob) -> PromptEvent
    ) -> AsyncStream<PromptEvent>? {
        let (stream, continuation) = AsyncStream.makeStream(
            of: PromptEvent.self, bufferingPolicy: .bufferingNewest(Self.followerBuffer))
        let key: Int? = state.withLock { state in
            guard let live = state.jobs[promptID]?.live else { return nil }
            continuation.yield(first(live))
            guard !state.isClosed else {
                continuation.finish()
                return -1
            }
            let key = state.nextFollower
            state.nextFollower += 1
            state.followers[promptID, default: [:]][key] = Follower(
                continuation: continuation, wantsPreviews: previews)
            return key
        }
        guard let key else { return nil }
        continuation.onTermination = { [weak self] _ in self?.unfollow(promptID, key) }
        return stream
    }

    private func unfollow(_ promptID: String, _ key: Int) {
        state.withLock { state in
            state.followers[promptID]?[key] = nil
            if state.followers[promptID]?.isEmpty ?? false { state.followers[promptID] = nil }
        }
    }

    /// Tells those who follow a job, or its client; the closure is called only if there is one.
    func tell(_ promptID: String, _ event: () -> PromptEvent?) {
        let (followers, isFed) = state.withLock { state in
            (state.followers[promptID].map { Array($0.values) } ?? [], state.isFed(promptID))
        }
        guard !followers.isEmpty || isFed, let event = event() else { return }
        var isPreview = false
        if case .preview = event { isPreview = true }
        for follower in followers where follower.wantsPreviews || !isPreview { follower.continuation.yield(event) }
        if isFed, !isPreview { feed(promptID, event) }
    }

    /// How many streams of events are open.
    var followerCount: Int {
        state.withLock { state in
            state.followers.values.reduce(0) { $0 + $1.count } + state.feeds.values.reduce(0) { $0 + $1.count }
        }
    }

    /// Ends all streams of events; later ones end at once.
    func closeFollowers() {
        let (followers, feeds) = state.withLock { state in
            state.isClosed = true
            defer {
                state.followers = [:]
                state.feeds = [:]
            }
            return (
                state.followers.values.flatMap(\.values), state.feeds.values.flatMap(\.values)
            )
        }
        for follower in followers { follower.continuation.finish() }
        for feed in feeds { feed.end() }
    }
}

fileprivate extension JobTable.State {
    /// Adds a job to the indices, or takes it out.
    mutating func index(_ promptID: String, _ placing: Placing, adding: Bool) {
        counts[placing.state, default: 0] += adding ? 1 : -1
        if let worker = placing.workerID {
            if adding {
                byWorker[worker, default: []].insert(promptID)
            } else {
                byWorker[worker]?.remove(promptID)
            }
        }
        if let alias = placing.workerPromptID { aliases[alias] = adding ? promptID : nil }
    }
}

/// What of a job decides about its place in the indices.
private struct Placing: Equatable {
    let state: JobState
    let workerID: String?
    let workerPromptID: String?

    init(_ job: Job) {
        state = job.state
        workerID = job.workerID
        workerPromptID = job.workerPromptID
    }
}
