import Synchronization

/// Workers that may still have jobs which were taken from them, as far as known; on disk too.
final class JobCopies: Sendable {
    private let byWorker = Mutex<[String: Set<JobCopy>]>([:])

    /// Remembers copies.
    func add(_ copies: [JobCopy]) {
        byWorker.withLock { state in
            for copy in copies { state[copy.workerID, default: []].insert(copy) }
        }
    }

    /// Forgets copies.
    func remove(_ copies: [JobCopy]) {
        byWorker.withLock { state in
            for copy in copies {
                state[copy.workerID]?.remove(copy)
                if state[copy.workerID]?.isEmpty ?? false { state[copy.workerID] = nil }
            }
        }
    }

    /// The copies on a worker.
    func on(_ workerID: String) -> [JobCopy] {
        byWorker.withLock { Array($0[workerID] ?? []) }
    }

    /// Whether a worker may have copies.
    func areOn(_ workerID: String) -> Bool {
        byWorker.withLock { !($0[workerID]?.isEmpty ?? true) }
    }

    /// The copy of a job on a worker.
    func copy(of promptID: String, on workerID: String) -> JobCopy? {
        byWorker.withLock { state in state[workerID]?.first { $0.promptID == promptID } }
    }
}
