import ComfyUI
import PluginAPI
import Synchronization

extension JobEngine {
    /// How many waiting jobs are handed over at the same time.
    private static let parallelDispatches = 64
    /// How long a job goes to other workers than the one that just lost it, if there are others.
    private static let avoidance = Duration.seconds(5)
    /// How many jobs that avoid a worker are passed over for it.
    private static let passedOver = 16

    /// Hands waiting jobs to workers until cancelled; none waits for another one's worker.
    func runDispatcher() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                // One that is being handed over may come back: before it stops to count as such.
                if handovers.load(ordering: .acquiring) > 0 || waiting.count > 0 {
                    await dispatchWakeup.wait(atMost: .seconds(1), clock: context.clock)
                } else {
                    await dispatchWakeup.wait()
                }
                dispatchWaiting(&group)
            }
        }
    }

    /// Starts to hand over waiting jobs while there is a worker with room.
    private func dispatchWaiting(_ group: inout DiscardingTaskGroup) {
        while !Task.isCancelled, waiting.count > 0, handovers.load(ordering: .relaxed) < Self.parallelDispatches,
            let (job, choice) = takeNext()
        {
            handovers.add(1, ordering: .relaxed)
            group.addTask {
                let isSettled = await self.redeliver(job, to: choice)
                self.handovers.subtract(1, ordering: .releasing)
                // After a failure the next round comes in its time.
                if isSettled, self.waiting.count > 0 { self.dispatchWakeup.set() }
            }
        }
    }

    /// The next waiting job, claimed for sending, and a place for it.
    private func takeNext() -> (Job, WorkerChoice)? {
        guard let choice = pool.reserve() else { return nil }
        if let job = takeNext(for: choice.worker.id) { return (job, choice) }
        pool.unreserve(choice.worker.id)
        // What waits was lost by that worker just now.
        guard waiting.count > 0, let other = pool.reserve(excluding: [choice.worker.id]) else { return nil }
        if let job = takeNext(for: other.worker.id) { return (job, other) }
        pool.unreserve(other.worker.id)
        return nil
    }

    private func takeNext(for workerID: String) -> Job? {
        var kept: [WaitingEntry] = []
        defer { for entry in kept { waiting.add(entry, returning: true) } }
        while kept.count < Self.passedOver, let entry = waiting.take() {
            if avoids(entry.promptID, workerID) {
                kept.append(entry)
            } else if let job = claim(entry.promptID) {
                return job
            }
        }
        return nil
    }

    private func avoids(_ promptID: String, _ workerID: String) -> Bool {
        guard let avoided = table[promptID]?.avoided, avoided.workerID == workerID, now < avoided.until else {
            return false
        }
        return pool.hasAlternative(to: workerID)
    }

    /// Claims a job that waits here: from now on nobody else moves it.
    func claim(_ promptID: String) -> Job? {
        table.update(promptID) { live -> Job? in
            guard live.job.state == .queued, !live.isSending else { return nil }
            live.isSending = true
            return live.job
        } ?? nil
    }

    /// Hands over a job whose caller has its answer already; it ends as failed when a worker refuses it, or none can be given its
    /// input files.
    ///
    /// - Returns: false when it waits again.
    private func redeliver(_ job: Job, to choice: WorkerChoice) async -> Bool {
        do {
            guard let body = try await sendable(job, choice) else { return true }
            let assigned = try await assign(job, to: choice)
            if case .noWorker(let reason) = try await deliver(assigned, body, to: choice.worker) {
                requeue(job.promptID, .gateway("no worker took it: \(reason)"), wakes: false)
                return false
            }
        } catch let refusal as PromptRefusal {
            _ = table.update(job.promptID) { $0.job.nodeErrors = refusal.nodeErrors }
            await refused(job.promptID, refusal.httpError.message)
        } catch let error as HTTPError where ["comfyui.error", "gateway.input_not_placed"].contains(error.code) {
            await refused(job.promptID, error.message)
        } catch {
            context.logger.warning("job not handed over", ["prompt.id": job.promptID, "error": "\(error)"])
            putBack(job.promptID)
            return false
        }
        return true
    }

    /// The body to send; `nil` when the job may not be sent again, and has ended.
    ///
    /// Without a body the place that is kept for it is given back.
    private func sendable(_ job: Job, _ choice: WorkerChoice) async throws -> [UInt8]? {
        var body: [UInt8]?
        defer { if body == nil { pool.unreserve(choice.worker.id) } }
        var end = (JobState.lost, "\(job.attempts) attempts to run it failed")
        if job.attempts < configuration.maximumAttempts {
            body = try await store.submission(job.promptID)
            if body != nil { return body }
            end = (.failed, "the workflow is no longer stored")
        }
        guard await finish(job.promptID, end.0, .gateway(end.1)) else { throw Self.notStored }
        return nil
    }

    /// Ends a job that a worker refused; if that cannot be stored, it is compared with the worker again.
    private func refused(_ promptID: String, _ words: String) async {
        await finish(promptID, .failed, .worker(words))
        _ = table.update(promptID) { $0.isSending = false }
    }

    /// Lets a job wait again that was claimed and could not be changed, for instance because the disk is full.
    func putBack(_ promptID: String) {
        let waits: Job? =
            table.update(promptID) { live -> Job? in
                guard live.job.state == .queued else { return nil }
                live.isSending = false
                return live.job
            } ?? nil
        if let waits {
            waiting.add(WaitingEntry(waits), returning: true)
        } else {
            requeue(promptID, .gateway("it could not be handed over"), wakes: false)
        }
    }

    /// Takes a job from its worker and lets it wait for another one, or for the dispatcher's next round.
    ///
    /// - Parameters:
    ///   - copy: The worker, if it may still have the job.
    ///   - isCharged: Whether its last attempt counts.
    /// - Returns: false when the job has ended.
    @discardableResult
    func requeue(
        _ promptID: String, _ cause: JobCause, copy: JobCopy? = nil, isCharged: Bool = true, wakes: Bool = true
    ) -> Bool {
        var former: String?
        let until = now.advanced(by: Self.avoidance)
        let job = move(promptID, to: .queued, cause, copy: copy) { live in
            former = live.job.workerID
            live.avoided = former.map { ($0, until) }
            if !isCharged { live.job.attempts = max(0, live.job.attempts - 1) }
            live.leaveWorker()
            live.isSending = false
            live.job.workerID = nil
            return true
        }
        guard let job else { return false }
        if let copy { copies.add([copy]) }
        metrics.retried(worker: former.flatMap { pool[$0]?.worker.name })
        waiting.add(WaitingEntry(job), returning: true)
        if wakes { dispatchWakeup.set() }
        return true
    }
}
