import PluginAPI
import Synchronization

/// What is answered about a finished job, rendered once; shared, because a copy of all its texts would cost more than the
/// rest of an answer.
final class FinishedAnswer: Sendable {
    /// The job.
    let job: Job
    /// The base URL of the links in both answers.
    let base: String
    /// The body of the status answer.
    let status: [UInt8]
    /// The body of the history answer, with links below ``base``.
    let history: [UInt8]

    init(job: Job, base: String, status: [UInt8], history: [UInt8]) {
        self.job = job
        self.base = base
        self.status = status
        self.history = history
    }

    /// About how much memory it takes.
    var cost: Int { status.count + history.count + 1024 }
}

/// Keeps answers about finished jobs, up to a number of bytes.
///
/// Two generations take the place of a list in order of use: what is used moves to the young one, and when that is
/// half of the limit, the old one is dropped.
final class ResultCache: Sendable {
    fileprivate struct State {
        var young: [String: FinishedAnswer] = [:]
        var old: [String: FinishedAnswer] = [:]
        var youngCost = 0
        var epoch = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    /// Makes a cache of so many bytes.
    init(limit: Int) {
        self.limit = limit
    }

    /// The answer about a job.
    subscript(promptID: String) -> FinishedAnswer? {
        state.withLock { state -> FinishedAnswer? in
            if let answer = state.young[promptID] { return answer }
            guard let answer = state.old.removeValue(forKey: promptID) else { return nil }
            state.add(promptID, answer, limit)
            return answer
        }
    }

    /// Changes with ``removeAll()`` and ``forget(_:)``: an answer made before may be out of date.
    var epoch: Int { state.withLock { $0.epoch } }

    /// Keeps an answer, unless something was removed since the epoch.
    func keep(_ answer: FinishedAnswer, epoch: Int) {
        guard answer.cost <= limit / 2 else { return }
        state.withLock { state in
            guard state.epoch == epoch else { return }
            state.old[answer.job.promptID] = nil
            state.add(answer.job.promptID, answer, limit)
        }
    }

    /// Forgets the answers about some jobs, and those being made.
    func forget(_ promptIDs: [String]) {
        guard !promptIDs.isEmpty else { return }
        state.withLock { state in
            for id in promptIDs {
                state.old[id] = nil
                if let answer = state.young.removeValue(forKey: id) { state.youngCost -= answer.cost }
            }
            state.epoch += 1
        }
    }

    /// Forgets everything, for instance because a worker has a new name.
    func removeAll() {
        state.withLock { state in
            state.young = [:]
            state.old = [:]
            state.youngCost = 0
            state.epoch += 1
        }
    }
}

fileprivate extension ResultCache.State {
    mutating func add(_ promptID: String, _ answer: FinishedAnswer, _ limit: Int) {
        if let before = young.updateValue(answer, forKey: promptID) { youngCost -= before.cost }
        youngCost += answer.cost
        guard youngCost > limit / 2 else { return }
        old = young
        young = [:]
        youngCost = 0
    }
}

extension ResultCache {
    /// A finished job, if an answer about it is kept.
    func job(_ promptID: String) -> Job? {
        self[promptID]?.job
    }
}
