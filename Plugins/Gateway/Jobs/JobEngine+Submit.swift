import ComfyUI
import PluginAPI

extension JobEngine {
    /// Takes a job; returns once it is on disk and a worker has it, or is known to get it.
    ///
    /// An id of the caller's that was used before is answered with the first job if the body is the same.
    ///
    /// - Throws: ``PromptRefusal``, ``HTTPError`` (409, 503 and a worker's own status), ``DatabaseError``.
    func submit(_ submission: Submission) async throws -> SubmittedPrompt {
        try await whileAccepting {
            while true {
                if let earlier = try await earlier(submission) { return earlier }
                guard let worker = pool.reserve() else { throw Self.noWorker }
                let job = firstAssignment(of: submission, to: worker)
                // Another request with this id may have come first; if its prompt is refused, ours is the next.
                guard table.insert(LiveJob(job, isSending: true)) else {
                    pool.release(worker.id, taken: false, now: now)
                    continue
                }
                do {
                    try await store.insert(job, submission: submission.body)
                } catch {
                    table.remove(job.promptID)
                    pool.release(worker.id, taken: false, now: now)
                    guard (error as? DatabaseError)?.reason == .constraint,
                        let earlier = try await earlier(submission)
                    else { throw error }
                    return earlier
                }
                return try await deliverNew(job, submission.body, to: worker)
            }
        }
    }

    private func firstAssignment(of submission: Submission, to worker: Worker) -> Job {
        var job = Job(
            promptID: submission.promptID, clientID: submission.clientID, state: .dispatching,
            nodeCount: submission.nodeCount, fingerprint: submission.fingerprint, createdAt: context.clock.wallClock)
        job.workerID = worker.id
        job.attempts = 1
        job.revision = 1
        return job
    }

    /// The answer to an earlier submission with the caller's id, once there is one.
    private func earlier(_ submission: Submission) async throws -> SubmittedPrompt? {
        guard submission.isCallersID else { return nil }
        let deadline = now.advanced(by: configuration.requestTimeout)
        while let live = table[submission.promptID] {
            try Self.compare(live.job, submission)
            guard live.isSending, now < deadline else { return live.job.answer }
            try await context.clock.sleep(for: .milliseconds(20))
        }
        guard let job = try await store.job(submission.promptID)?.job else { return nil }
        try Self.compare(job, submission)
        return job.answer
    }

    private static func compare(_ job: Job, _ submission: Submission) throws {
        guard job.fingerprint != submission.fingerprint else { return }
        throw HTTPError(
            .conflict, "gateway.prompt_id_taken", "Another prompt was submitted with this prompt_id.")
    }

    /// Hands a job that its caller waits for to a worker; when no worker takes it, no trace of it is left.
    private func deliverNew(_ job: Job, _ body: [UInt8], to worker: Worker) async throws -> SubmittedPrompt {
        do {
            return try await deliver(job, body, to: worker)
        } catch {
            // A task of its own: a caller that hangs up now must not leave the job behind on disk.
            guard await Task(operation: { await takeBack(job) }).value else { return job.answer }
            throw error
        }
    }

    /// Removes a job that no worker took.
    ///
    /// From the disk first: who comes with the same id waits as long as the job is in the table.
    ///
    /// - Returns: false when a worker ended it all the same; then it stays.
    private func takeBack(_ job: Job) async -> Bool {
        defer {
            journal.forget(job.promptID)
            table.remove(job.promptID)
        }
        do {
            return try await store.withdraw(job.promptID)
        } catch {
            context.logger.error("refused job not removed", ["prompt.id": job.promptID, "error": "\(error)"])
            return true
        }
    }
}

// MARK: - Handing over

extension JobEngine {
    /// Sends a job to a worker, and to others while it certainly did not arrive.
    ///
    /// - Returns: the answer; also when the worker went silent after the job was sent: then the job is settled when the
    ///   worker can be asked about it.
    /// - Throws: why no worker has it: ``PromptRefusal``, ``HTTPError``, ``DatabaseError``.
    func deliver(_ start: Job, _ body: [UInt8], to first: Worker) async throws -> SubmittedPrompt {
        var job = start
        var worker = first
        var tried: Set<String> = []
        while true {
            let delivery = await settle(job, body, worker)
            switch delivery {
            case .taken(let answer):
                return take(job, worker, answer)
            case .inDoubt:
                pool.release(worker.id, taken: true, now: now)
                return table.update(job.promptID) { live in
                    live.isSending = false
                    return live.job.answer
                } ?? job.answer
            case .refused(let error):
                pool.release(worker.id, taken: false, now: now)
                throw error
            case .notTaken(let reason, let counts):
                pool.release(worker.id, taken: false, now: now)
                context.logger.warning(
                    "worker did not take a job",
                    ["prompt.id": job.promptID, "worker.id": worker.id, "reason": reason])
                tried.insert(worker.id)
                guard !counts || job.attempts < configuration.maximumAttempts,
                    let next = pool.reserve(excluding: tried)
                else {
                    if !counts { _ = table.update(job.promptID) { $0.job.attempts -= 1 } }
                    throw Self.noWorker
                }
                (job, worker) = (try await assign(job, to: next, counting: counts), next)
            }
        }
    }

    /// Assigns a job to a worker, on disk and in memory.
    ///
    /// - Throws: ``DatabaseError``; ``HTTPError`` 409 when the job changed meanwhile. The reservation is given back.
    func assign(_ job: Job, to worker: Worker, counting: Bool) async throws -> Job {
        var moved = job
        moved.state = .dispatching
        moved.workerID = worker.id
        moved.workerPromptID = nil
        moved.revision += 1
        if counting { moved.attempts += 1 }
        do {
            guard try await store.assign(moved, after: job.revision, at: context.clock.wallClock) else {
                throw HTTPError(.conflict, "gateway.job_changed", "The job was changed by somebody else.")
            }
        } catch {
            pool.release(worker.id, taken: false, now: now)
            throw error
        }
        let assigned = moved
        journal.forget(job.promptID)
        _ = table.update(job.promptID) { live in
            live.leaveWorker()
            live.job = assigned
            live.isSending = true
        }
        return assigned
    }

    /// A worker has the job.
    private func take(_ job: Job, _ worker: Worker, _ answer: PromptAnswer?) -> SubmittedPrompt {
        pool.release(worker.id, taken: true, now: now)
        let time = context.clock.wallClock
        let (now, known) = (self.now, job.promptID)
        func note(_ job: inout Job) {
            job.submittedAt = time
            guard let answer else { return }
            job.number = answer.number
            job.nodeErrors = answer.nodeErrors
            if let id = answer.promptID, id != known { job.workerPromptID = id }
        }
        let taken = table.update(known) { live in
            live.isSending = false
            live.takenAt = now
            note(&live.job)
            if JobStateMachine.allows(live.job.state, to: .submitted) { live.job.state = .submitted }
            return live.job
        }
        guard let taken else {
            // It has ended already.
            var ended = job
            note(&ended)
            return ended.answer
        }
        journal.record(taken)
        table.tell(known) { table[known].map { .state(describe($0)) } }
        return taken.answer
    }
}
