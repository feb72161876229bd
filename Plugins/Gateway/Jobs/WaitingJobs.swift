import Synchronization

/// The jobs that wait for a worker: a ``FairQueue`` for many threads.
final class WaitingJobs: Sendable {
    private let queue = Mutex(FairQueue())

    /// Adds a job, or gives back one that was taken and not run; false when it waits already.
    @discardableResult
    func add(_ entry: WaitingEntry, returning: Bool = false) -> Bool {
        queue.withLock { $0.add(entry, returning: returning) }
    }

    /// Takes the next job.
    func take() -> WaitingEntry? { queue.withLock { $0.take() } }

    /// Removes a job; `nil` when it does not wait.
    @discardableResult
    func remove(_ promptID: String) -> WaitingEntry? { queue.withLock { $0.remove(promptID) } }

    /// When a job's turn comes, from 1; `nil` when it does not wait.
    func position(of promptID: String) -> Int? { queue.withLock { $0.position(of: promptID) } }

    /// A waiting job.
    func entry(_ promptID: String) -> WaitingEntry? { queue.withLock { $0.entry(promptID) } }

    /// A part of the jobs in the order in which they would be taken.
    func list(offset: Int = 0, limit: Int = .max) -> [WaitingEntry] {
        queue.withLock { $0.list(offset: offset, limit: limit) }
    }

    /// Changes a job's priority or its position among its caller's own; see ``FairQueue/move(_:priority:position:)``.
    ///
    /// - Returns: The job's entry and those of others that had to give way, to be stored; empty when it does not wait.
    func move(_ promptID: String, priority: Int? = nil, position: Int? = nil) -> [WaitingEntry] {
        queue.withLock { $0.move(promptID, priority: priority, position: position) }
    }

    /// Gives jobs the priorities and places of these entries, as far as they wait.
    func put(_ entries: [WaitingEntry]) {
        queue.withLock { queue in
            for entry in entries { queue.put(entry) }
        }
    }

    /// How many wait.
    var count: Int { queue.withLock { $0.count } }
}
