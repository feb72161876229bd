import ComfyUI
import PluginAPI

extension JobEngine {
    /// Takes a job; returns once it is on disk, and a worker has it or it waits for one.
    ///
    /// Without a priority it goes straight to a worker with room while nobody waits, so that its caller gets the worker's
    /// own answer. An id of the caller's that was used before is answered with the first job if the body is the same.
    ///
    /// - Throws: ``PromptRefusal``, ``HTTPError`` (409, 503 and a worker's own status), ``DatabaseError``.
    func submit(_ submission: Submission) async throws -> SubmittedPrompt {
        try checkDepth(submission)
        return try await whileAccepting {
            while true {
                if let earlier = try await earlier(submission) { return earlier }
                if submission.priority == nil, waiting.count == 0, let choice = pool.reserve() {
                    if let answer = try await submitNow(submission, choice) { return answer }
                } else {
                    guard submission.priority != nil || pool.isUsable else { throw Self.noWorker }
                    if let answer = try await enqueue(submission) { return answer }
                }
            }
        }
    }

    /// Refuses long chains of nodes; the graph is read for that only if it has so many nodes at all.
    private func checkDepth(_ submission: Submission) throws {
        let limit = configuration.maximumGraphDepth
        guard submission.nodeCount > limit, let graph = try? JSON(parsing: submission.body)["prompt"] else { return }
        try PromptStructure.check(graph: graph, maximumDepth: limit)
    }

    /// Hands a new job to a worker; `nil` when another request with its id came first: if its prompt is refused, ours is the
    /// next.
    private func submitNow(_ submission: Submission, _ choice: WorkerChoice) async throws -> SubmittedPrompt? {
        var job = newJob(submission, .dispatching)
        job.workerID = choice.worker.id
        job.attempts = 1
        job.revision = 1
        let events = [
            accepted(submission, job), JobEvent(job, at: job.createdAt, choice.cause),
        ]
        // From here on the job is counted at its worker by the table.
        let isNew = table.insert(LiveJob(job, isSending: true))
        pool.unreserve(choice.worker.id)
        guard isNew, try await store(job, submission, events) else { return nil }
        return try await deliverNew(job, submission.body, to: choice.worker)
    }

    /// Lets a new job wait for a worker; `nil` when another request with its id came first.
    private func enqueue(_ submission: Submission) async throws -> SubmittedPrompt? {
        guard waiting.count < configuration.queueLimit else {
            throw HTTPError(
                .serviceUnavailable, "gateway.queue_full",
                "\(configuration.queueLimit) prompts are waiting already; try again later.",
                headers: ["Retry-After": "10"])
        }
        let job = newJob(submission, .queued)
        guard table.insert(LiveJob(job, isSending: true)),
            try await store(job, submission, [accepted(submission, job)])
        else { return nil }
        _ = table.update(job.promptID) { live in
            live.isSending = false
            live.isAccepted = true
        }
        tellState(of: job.promptID)
        waiting.add(WaitingEntry(job))
        dispatchWakeup.set()
        return job.answer
    }

    private func newJob(_ submission: Submission, _ state: JobState) -> Job {
        var job = Job(
            promptID: submission.promptID, clientID: submission.clientID, caller: submission.caller, state: state,
            nodeCount: submission.nodeCount, fingerprint: submission.fingerprint, createdAt: context.clock.wallClock)
        job.sequence = nextSequence()
        job.place = submission.order.place(job.sequence)
        job.priority = submission.priority ?? 0
        if submission.priority != nil { job.gatewayJobID = PromptID.random() }
        return job
    }

    private func accepted(_ submission: Submission, _ job: Job) -> JobEvent {
        let reason = submission.priority.map { "submitted with priority \($0)" } ?? "submitted"
        return JobEvent(
            promptID: job.promptID, at: job.createdAt, state: .queued, workerID: nil,
            cause: JobCause(actor: job.caller, reason: reason))
    }

    /// Puts a new job, which is in the table, on disk; on failure it leaves the table.
    ///
    /// - Returns: false when its id is taken.
    private func store(_ job: Job, _ submission: Submission, _ events: [JobEvent]) async throws -> Bool {
        do {
            try await store.insert(job, submission: submission.body, events: events)
        } catch {
            table.remove(job.promptID)
            guard submission.isCallersID, (error as? DatabaseError)?.reason == .constraint,
                try await store.job(job.promptID) != nil
            else { throw error }
            return false
        }
        for event in events { log(event) }
        return true
    }

    /// The answer to an earlier submission with the caller's id, once there is one.
    private func earlier(_ submission: Submission) async throws -> SubmittedPrompt? {
        guard submission.isCallersID else { return nil }
        let deadline = now.advanced(by: configuration.requestTimeout)
        while let live = table[submission.promptID] {
            try Self.compare(live.job, submission)
            guard live.isSending else { return live.job.answer }
            // It may not be on disk yet, or be refused.
            guard now < deadline else { throw Self.notStored }
            try await context.clock.sleep(for: .milliseconds(20))
        }
        guard let job = try await store.job(submission.promptID)?.job else { return nil }
        try Self.compare(job, submission)
        return job.answer
    }

    private static func compare(_ job: Job, _ submission: Submission) throws {
        // What an API key sent is answered to that key alone.
        let isKeys = job.caller.hasPrefix(JobCaller.key("")) || submission.caller.hasPrefix(JobCaller.key(""))
        guard job.fingerprint != submission.fingerprint || isKeys && job.caller != submission.caller else { return }
        throw HTTPError(
            .conflict, "gateway.prompt_id_taken", "Another prompt was submitted with this prompt_id.")
    }

    /// Hands a job that its caller waits for to a worker; when no worker can take it, no trace of it is left.
    private func deliverNew(_ job: Job, _ body: [UInt8], to worker: Worker) async throws -> SubmittedPrompt {
        let failure: any Error
        do {
            switch try await deliver(job, body, to: worker) {
            case .taken(let answer): return answer
            case .noWorker(let reason):
                if pool.isUsable, requeue(job.promptID, .gateway("no worker took it: \(reason)")) {
                    return table[job.promptID]?.job.answer ?? job.answer
                }
                failure = Self.noWorker
            }
        } catch {
            failure = error
        }
        // A task of its own: a caller that hangs up now must not leave the job behind on disk.
        guard await Task(operation: { await takeBack(job) }).value else { return job.answer }
        throw failure
    }

    /// Removes a job that no worker took.
    ///
    /// From the disk first: who comes with the same id waits as long as the job is in the table.
    ///
    /// - Returns: false when a worker ended it all the same; then it stays.
    private func takeBack(_ job: Job) async -> Bool {
        do {
            let isRemoved = try await store.withdraw(job.promptID)
            _ = journal.take(job.promptID)
            var last: PromptEvent?
            // A worker that refuses a prompt which it runs: who was told of it is told of its end.
            if let live = table[job.promptID], live.isAccepted {
                var end = describe(live)
                end.state = .failed
                last = .state(end)
            }
            table.remove(job.promptID, last: last)
            return isRemoved
        } catch {
            context.logger.error("refused job not removed", ["prompt.id": job.promptID, "error": "\(error)"])
            // What is on disk as open must end: it goes on as one that its worker may have.
            _ = table.update(job.promptID) { live in
                live.isSending = false
                live.isAccepted = true
            }
            return true
        }
    }
}
