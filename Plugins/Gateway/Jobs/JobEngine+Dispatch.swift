import PluginAPI
import Synchronization

extension JobEngine {
    /// How many waiting jobs are handed over at the same time.
    private static let parallelDispatches = 16

    /// Hands waiting jobs to workers until cancelled; none waits for another one's worker.
    func runDispatcher() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                // One that is being handed over may come back.
                if waiting.count > 0 || handovers.load(ordering: .relaxed) > 0 {
                    await dispatchWakeup.wait(atMost: .seconds(1), clock: context.clock)
                } else {
                    await dispatchWakeup.wait()
                }
                dispatchWaiting(&group)
            }
        }
    }

    /// Starts to hand over waiting jobs while there is a usable worker.
    private func dispatchWaiting(_ group: inout DiscardingTaskGroup) {
        while !Task.isCancelled, handovers.load(ordering: .relaxed) < Self.parallelDispatches,
            let entry = waiting.take()
        {
            guard let live = table[entry.promptID], live.job.state == .queued else { continue }
            guard let worker = pool.reserve() else {
                waiting.add(entry, returning: true)
                return
            }
            handovers.add(1, ordering: .relaxed)
            group.addTask {
                let isSettled = await self.redeliver(live.job, to: worker)
                self.handovers.subtract(1, ordering: .relaxed)
                // After a failure the next round comes in its time.
                if isSettled, self.waiting.count > 0 { self.dispatchWakeup.set() }
            }
        }
    }

    /// Hands over a job whose caller has its answer already; it ends as failed when a worker refuses it.
    ///
    /// - Returns: false when it waits again.
    private func redeliver(_ job: Job, to worker: Worker) async -> Bool {
        guard job.attempts < configuration.maximumAttempts else {
            pool.release(worker.id, taken: false, now: now)
            await finish(job.promptID, .lost, error: "\(job.attempts) attempts to run it failed")
            return true
        }
        do {
            guard let body = try await storedBody(of: job, for: worker) else {
                await finish(job.promptID, .failed, error: "the workflow is no longer stored")
                return true
            }
            let assigned = try await assign(job, to: worker, counting: true)
            _ = try await deliver(assigned, body, to: worker)
        } catch let refusal as PromptRefusal {
            _ = table.update(job.promptID) { $0.job.nodeErrors = refusal.nodeErrors }
            await refused(job.promptID, refusal.httpError.message)
        } catch let error as HTTPError where error.code == "comfyui.error" {
            await refused(job.promptID, error.message)
        } catch {
            context.logger.warning("job not handed over", ["prompt.id": job.promptID, "error": "\(error)"])
            if table[job.promptID]?.job.state == .queued {
                enqueue(job.promptID)
            } else {
                requeue(job.promptID, wakes: false)
            }
            return false
        }
        return true
    }

    /// The body to send; without one, the reservation is given back.
    private func storedBody(of job: Job, for worker: Worker) async throws -> [UInt8]? {
        do {
            if let body = try await store.submission(job.promptID) { return body }
        } catch {
            pool.release(worker.id, taken: false, now: now)
            throw error
        }
        pool.release(worker.id, taken: false, now: now)
        return nil
    }

    /// Ends a job that a worker refused; if that cannot be stored, it is compared with the worker again.
    private func refused(_ promptID: String, _ words: String) async {
        await finish(promptID, .failed, error: words)
        _ = table.update(promptID) { $0.isSending = false }
    }

    /// Lets a job wait for the dispatcher, behind all others.
    func enqueue(_ promptID: String) {
        let number = arrivals.add(1, ordering: .relaxed).newValue
        waiting.add(
            WaitingEntry(promptID: promptID, caller: "", priority: 0, place: Double(number), sequence: Int64(number)))
    }

    /// Takes a job from its worker and lets it wait for another one, or for the dispatcher's next round.
    func requeue(_ promptID: String, wakes: Bool = true) {
        let job: Job? =
            table.update(promptID) { live -> Job? in
                guard JobStateMachine.allows(live.job.state, to: .queued) else { return nil }
                live.leaveWorker()
                live.isSending = false
                live.job.state = .queued
                live.job.workerID = nil
                return live.job
            } ?? nil
        guard let job else { return }
        journal.record(job)
        table.tell(promptID) { table[promptID].map { .state(describe($0)) } }
        enqueue(promptID)
        if wakes { dispatchWakeup.set() }
    }
}
