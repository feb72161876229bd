import ComfyUI
import PluginAPI

/// Jobs of workers that vanished: they go to other workers, and what the old worker still has of them is settled when it
/// is back.
extension JobEngine {
    /// Takes the jobs of a worker that has been unreachable for too long, if others can have them.
    func abandonIfLost(_ workerID: String) async {
        guard case .unhealthy(let reason, let since)? = pool[workerID]?.health,
            since.duration(to: now) >= configuration.lostAfter, pool.hasAlternative(to: workerID)
        else { return }
        await abandon(workerID, because: reason)
    }

    /// Takes all jobs of a worker that can no longer be trusted with them.
    func abandon(_ workerID: String, because reason: String) async {
        for promptID in table.jobs(on: workerID) {
            guard let live = table[promptID], !live.isSending, live.job.workerID == workerID else { continue }
            let copy = JobCopy(promptID: promptID, workerID: workerID, idOnWorker: live.job.idOnWorker)
            if live.job.attempts < configuration.maximumAttempts {
                requeue(promptID, .gateway("its worker is lost: \(reason)"), copy: copy)
            } else {
                await finish(
                    promptID, .lost, .gateway("its worker is lost after \(live.job.attempts) attempts: \(reason)"),
                    copies: [copy])
            }
        }
    }

    /// Settles what a worker that came back still has of jobs which were taken from it.
    ///
    /// A result counts if the job has none yet; a job that still waits here goes on there; the rest is removed there.
    func settleCopies(on workerID: String, _ queue: QueueOutline) async {
        let suspects = copies.on(workerID)
        guard !suspects.isEmpty, let worker = pool[workerID]?.worker else { return }
        let client = registry.client(worker).with(timeout: WorkerRegistry.probeTimeout)
        var settled: [JobCopy] = []
        do {
            for copy in suspects where try await settle(copy, queue, client) { settled.append(copy) }
        } catch {
            context.logger.warning("old copies not settled", ["worker.id": workerID, "error": "\(error)"])
        }
        await forget(settled)
    }

    /// Forgets copies; if that cannot be stored, they are looked for once more after a restart.
    func forget(_ settled: [JobCopy]) async {
        guard !settled.isEmpty else { return }
        copies.remove(settled)
        do {
            try await store.forget(settled)
        } catch {
            context.logger.warning("settled copies not removed", ["error": "\(error)"])
        }
    }

    /// Settles one copy.
    ///
    /// - Returns: whether nothing is left to do.
    private func settle(_ copy: JobCopy, _ queue: QueueOutline, _ client: ComfyClient) async throws -> Bool {
        let isRunning = queue.running.contains(copy.idOnWorker)
        let isWaiting = queue.pending.contains(copy.idOnWorker)
        guard let live = table[copy.promptID] else {
            try await removeCopy(copy, isRunning: isRunning, isWaiting: isWaiting, client)
            return !isRunning
        }
        // It is on its way, perhaps to this worker.
        if live.isSending { return false }
        if live.job.workerID == copy.workerID { return true }
        if isRunning || isWaiting {
            if live.job.state == .queued { return await adopt(copy, isRunning: isRunning) }
            try await removeCopy(copy, isRunning: isRunning, isWaiting: isWaiting, client)
            return !isRunning
        }
        guard let entry = try await client.history(copy.idOnWorker), case .success = entry.outcome else { return true }
        let other = live.job.workerID.map {
            JobCopy(promptID: copy.promptID, workerID: $0, idOnWorker: live.job.idOnWorker)
        }
        return await finish(
            copy.promptID, .done, .worker("finished it first"), entry: entry, copies: other.map { [$0] } ?? [],
            by: copy.workerID)
    }

    private func removeCopy(
        _ copy: JobCopy, isRunning: Bool, isWaiting: Bool, _ client: ComfyClient
    ) async throws {
        if isWaiting { try await client.deleteFromQueue([copy.idOnWorker]) }
        if isRunning { try await client.interrupt(copy.idOnWorker) }
        guard isWaiting || isRunning else { return }
        context.logger.notice(
            "late copy cancelled", ["prompt.id": copy.promptID, "worker.id": copy.workerID])
    }

    /// Lets a waiting job go on at the worker that has it already.
    private func adopt(_ copy: JobCopy, isRunning: Bool) async -> Bool {
        guard let worker = pool[copy.workerID]?.worker, let job = claim(copy.promptID) else { return false }
        waiting.remove(copy.promptID)
        do {
            let assigned = try await assign(job, to: copy.workerID, .gateway("its former worker is back and has it"))
            // It is the same attempt as before.
            _ = table.update(copy.promptID) { live in
                live.job.attempts = max(1, live.job.attempts - 1)
                if copy.idOnWorker != copy.promptID { live.job.workerPromptID = copy.idOnWorker }
            }
            _ = take(assigned, worker, nil)
            return true
        } catch {
            context.logger.warning("job not adopted", ["prompt.id": copy.promptID, "error": "\(error)"])
            _ = table.update(copy.promptID) { $0.isSending = false }
            waiting.add(WaitingEntry(job), returning: true)
            return false
        }
    }
}
