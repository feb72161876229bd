import PluginAPI

/// What is known of a job.
enum KnownJob {
    /// It has not ended.
    case open(LiveJob)
    /// It has ended; the answers about it.
    case ended(FinishedAnswer)

    /// The record.
    var job: Job {
        switch self {
        case .open(let live): live.job
        case .ended(let answer): answer.job
        }
    }
}

extension JobEngine {
    /// What is known of a job, by either of its ids; `nil` when it was never seen.
    ///
    /// No worker is asked.
    ///
    /// - Parameter base: The base URL of links in the answers.
    /// - Throws: ``DatabaseError``.
    func known(_ id: String, base: String) async throws -> KnownJob? {
        if let known = try await known(promptID: id, base: base) { return known }
        guard let promptID = try await promptID(ofGatewayJob: id) else { return nil }
        return try await known(promptID: promptID, base: base)
    }

    /// The answers about a finished job that are in memory, if the caller of a request may see them.
    ///
    /// Most requests end here. Whatever may have to wait stands in functions of its own: its frame would be paid for by
    /// these, too.
    ///
    /// - Throws: ``HTTPError`` 403 `gateway.not_your_job`.
    func remembered(_ id: String, for request: Request, base: String) throws(HTTPError) -> FinishedAnswer? {
        guard let answer = cache[id], answer.base == base else { return nil }
        if request.principal != nil { try JobCaller.check(answer.job, request.principal) }
        return answer
    }

    /// What is known of a gateway job, by either of its ids; `nil` when it was never seen, or has no such id.
    ///
    /// - Throws: ``DatabaseError``.
    func knownGatewayJob(_ id: String, base: String) async throws -> KnownJob? {
        let promptID = try await promptID(ofGatewayJob: id) ?? id
        let known = try await known(promptID: promptID, base: base)
        return known?.job.gatewayJobID == nil ? nil : known
    }

    /// A job as it is now, by either of its ids; `nil` when it was never seen.
    ///
    /// - Throws: ``DatabaseError``.
    func find(_ id: String) async throws -> LiveJob? {
        if let live = table[id] { return live }
        if let job = cache.job(id) { return LiveJob(job) }
        if let promptID = table.promptID(ofGatewayJob: id), let live = table[promptID] { return live }
        guard let job = try await store.record(id) else { return nil }
        // What is in memory is newer, unless it has ended on disk.
        return job.state.isFinal ? LiveJob(job) : table[job.promptID] ?? LiveJob(job)
    }

    /// A job as it is now, by either of its ids, if the caller of a request may see it.
    ///
    /// - Throws: ``HTTPError`` 404 when it was never seen, 403 when it is somebody else's; ``DatabaseError``.
    func find(_ id: String, for request: Request) async throws -> LiveJob {
        guard let live = try await find(id) else { throw HTTPError.unknownPrompt }
        try JobCaller.check(live.job, request.principal)
        return live
    }

    /// Refuses to tell of an open job whose worker was removed: nobody knows how it goes on.
    ///
    /// - Throws: ``HTTPError`` 503 `gateway.worker_gone`.
    func checkOwner(of job: Job) throws(HTTPError) {
        guard let worker = job.workerID.flatMap({ pool[$0]?.worker }), worker.isRemoved,
            [.submitted, .running].contains(job.state)
        else { return }
        throw HTTPError(
            .serviceUnavailable, "gateway.worker_gone",
            "The worker that has the prompt is no longer registered; its result is kept if it still ends there.",
            headers: ["Retry-After": "5"])
    }

    private func promptID(ofGatewayJob id: String) async throws -> String? {
        if let promptID = table.promptID(ofGatewayJob: id) { return promptID }
        return try await store.promptID(ofGatewayJob: id)
    }

    private func known(promptID: String, base: String) async throws -> KnownJob? {
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
