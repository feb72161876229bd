import ComfyUI
import PluginAPI

/// What came of handing a job to workers, one after the other.
enum HandOver {
    /// A worker has it, or is known to get it.
    case taken(SubmittedPrompt)
    /// No worker has it; why the last one does not.
    case noWorker(String)
}

extension JobEngine {
    /// How long a job may wait because no worker could be given its input files: a disk that is full may be cleared.
    private static let placementPatience = Duration.seconds(120)

    /// Sends a job to a worker, and to others while it certainly did not arrive.
    ///
    /// It counts as taken also when the worker went silent after the job was sent: then the job is settled when the
    /// worker can be asked about it.
    ///
    /// - Throws: a worker's refusal: ``PromptRefusal``, ``HTTPError``; ``HTTPError`` 503 `gateway.input_not_placed` after
    ///   too long a time; ``DatabaseError``.
    func deliver(_ start: Job, _ body: [UInt8], to first: Worker) async throws -> HandOver {
        var job = start
        var worker = first
        var tried: Set<String> = []
        var isUnplaced = false
        while true {
            let reason: String
            switch await settle(job, body, worker) {
            case .taken(let answer):
                return .taken(await take(job, worker, answer))
            case .inDoubt:
                let answer = table.update(job.promptID) { live in
                    live.isSending = false
                    live.isAccepted = true
                    return live.job.answer
                }
                tellState(of: job.promptID)
                if answer == nil { await keep([JobCopy(job)]) }
                return .taken(answer ?? job.answer)
            case .refused(let error):
                throw error
            case .brokeDown(let error):
                guard isToBlame(worker, for: job.promptID) else { throw Self.answer(error) }
                reason = error.reason
            case .notTaken(let words, let counts):
                if !counts { uncharge(job.promptID) }
                reason = words
            case .notPlaced(let words):
                uncharge(job.promptID)
                isUnplaced = true
                reason = words
            }
            context.logger.warning(
                "worker did not take a job", ["prompt.id": job.promptID, "worker.id": worker.id, "reason": reason])
            tried.insert(worker.id)
            guard let current = table[job.promptID]?.job, current.attempts < configuration.maximumAttempts,
                let next = pool.reserve(excluding: tried)
            else {
                if isUnplaced { try checkPlacement(job.promptID) }
                return .noWorker(reason)
            }
            job = try await assign(current, to: next)
            worker = next.worker
        }
    }

    /// Takes an attempt back that no worker can have worked on.
    private func uncharge(_ promptID: String) {
        _ = table.update(promptID) { $0.job.attempts = max(0, $0.job.attempts - 1) }
    }

    /// Lets a job wait again that no worker could be given the input files of: for a while, because a job that can never
    /// run must not take the others' turns for ever.
    ///
    /// - Throws: ``HTTPError`` 503 `gateway.input_not_placed` when it has waited too long.
    private func checkPlacement(_ promptID: String) throws(HTTPError) {
        let now = now
        let since =
            table.update(promptID) { live in
                live.unplacedSince = live.unplacedSince ?? now
                return live.unplacedSince
            } ?? nil
        guard let since, since.duration(to: now) >= Self.placementPatience else { return }
        throw HTTPError(
            .serviceUnavailable, "gateway.input_not_placed",
            "No worker could be given an input file that the prompt names.")
    }

    /// Whether a worker that broke down over a job is to blame, and not the job: another one shall tell.
    private func isToBlame(_ worker: Worker, for promptID: String) -> Bool {
        let isSecond =
            table.update(promptID) { live in
                live.brokeDownOn.insert(worker.id)
                return live.brokeDownOn.count > 1
            } ?? true
        guard !isSecond else { return false }
        pool.breakDown(worker.id, now: now)
        return pool.hasAlternative(to: worker.id)
    }

    /// Assigns a job to a worker, on disk and in memory; the place kept there is used up.
    ///
    /// - Throws: ``DatabaseError``; ``HTTPError`` 409 when the job changed meanwhile.
    func assign(_ job: Job, to choice: WorkerChoice) async throws -> Job {
        defer { pool.unreserve(choice.worker.id) }
        return try await assign(job, to: choice.worker.id, choice.cause)
    }

    /// Assigns a job to a worker, on disk and in memory.
    ///
    /// - Throws: ``DatabaseError``; ``HTTPError`` 409 when the job changed meanwhile.
    func assign(_ job: Job, to workerID: String, _ cause: JobCause) async throws -> Job {
        var moved = job
        moved.state = .dispatching
        moved.workerID = workerID
        moved.workerPromptID = nil
        moved.submittedAt = nil
        moved.startedAt = nil
        moved.revision += 1
        moved.attempts += 1
        let event = JobEvent(moved, at: context.clock.wallClock, cause)
        let pending = journal.take(job.promptID)
        do {
            guard
                try await store.assign(
                    moved, after: job.revision, events: (pending?.events ?? []) + [event],
                    copies: pending?.copies ?? [], at: event.at)
            else {
                throw HTTPError(.conflict, "gateway.job_changed", "The job was changed by somebody else.")
            }
        } catch {
            journal.putBack(pending)
            throw error
        }
        let assigned = moved
        _ = table.update(job.promptID) { live in
            live.leaveWorker()
            live.job = assigned
            live.isSending = true
        }
        announce(event)
        return assigned
    }

    /// A worker has the job.
    ///
    /// One that ended meanwhile is removed there at the next look at the worker's queue.
    func take(_ job: Job, _ worker: Worker, _ answer: PromptAnswer?) async -> SubmittedPrompt {
        pool.tookPrompt(worker.id, now: now)
        let time = context.clock.wallClock
        let (now, known) = (self.now, job.promptID)
        func note(_ job: inout Job) {
            job.submittedAt = time
            guard let answer else { return }
            job.number = answer.number
            job.nodeErrors = answer.nodeErrors
            if let id = answer.promptID, id != known { job.workerPromptID = id }
        }
        let cause = JobCause.worker(answer == nil ? "has it, as a look shows" : "accepted it")
        let submitted = move(known, to: .submitted, cause) { live in
            live.isSending = false
            live.takenAt = now
            note(&live.job)
            return true
        }
        if let submitted { return submitted.answer }
        // Its events came before the answer: it runs, or has ended already.
        let running = table.update(known) { live -> Job in
            live.isSending = false
            live.takenAt = now
            note(&live.job)
            return live.job
        }
        if let running {
            journal.amend(running)
            return running.answer
        }
        var ended = job
        note(&ended)
        await keep([JobCopy(ended)])
        return ended.answer
    }
}
