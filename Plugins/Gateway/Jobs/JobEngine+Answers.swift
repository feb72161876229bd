import PluginAPI

/// What is known of a job.
enum KnownJob {
    /// It has not ended.
    case open(LiveJob)
    /// It has ended; the answers about it.
    case ended(FinishedAnswer)
}

extension JobEngine {
    /// What is known of a job; `nil` when it was never seen.
    ///
    /// No worker is asked.
    ///
    /// - Parameter base: The base URL of links in the answers.
    /// - Throws: ``DatabaseError``.
    func known(_ promptID: String, base: String) async throws -> KnownJob? {
        if let answer = cache[promptID], answer.base == base { return .ended(answer) }
        if let live = table[promptID] { return .open(live) }
        let epoch = cache.epoch
        guard let (job, history) = try await store.job(promptID) else { return nil }
        guard job.state.isFinal else { return .open(LiveJob(job)) }
        let options = JSONParseOptions(allowsNonFiniteNumbers: true)
        let entry = history.flatMap { try? JSON(parsing: $0, options: options) }
        let name = job.workerID.flatMap { pool[$0]?.worker.name }
        let answer = TaskAnswer.finished(job, workerName: name, entry: entry, base: base)
        cache.keep(answer, epoch: epoch)
        return .ended(answer)
    }
}
