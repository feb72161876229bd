import ComfyUI
import PluginAPI

/// What workers still have of jobs that were taken from them is settled when they are back.
extension JobEngine {
    /// Settles what a worker that came back still has of jobs which were taken from it.
    ///
    /// A result counts if the job has none yet; a job that still waits here goes on there; the rest is removed there.
    func settleCopies(on workerID: String, _ queue: QueueOutline) async {
        let suspects = copies.on(workerID)
        guard !suspects.isEmpty, let worker = pool[workerID]?.worker else { return }
        let client = registry.client(worker).with(timeout: WorkerRegistry.probeTimeout)
        var settled: [JobCopy] = []
        for copy in suspects {
            do {
                if try await settle(copy, queue, client) { settled.append(copy) }
            } catch {
                context.logger.warning(
                    "old copy not settled",
                    ["prompt.id": copy.promptID, "worker.id": workerID, "error": "\(error)"])
                // What a server says of one prompt does not concern the others.
                guard error is ComfyServerError else { break }
            }
        }
        await forget(settled)
    }

    /// Removes what a worker's history has of a copy that did not end well, so that it is not taken for the end of the
    /// job if that comes back under the same id.
    func discard(_ copy: JobCopy, _ client: ComfyClient) async {
        do {
            try await client.deleteFromHistory([copy.idOnWorker])
        } catch {
            context.logger.debug("history entry not removed", ["prompt.id": copy.promptID, "error": "\(error)"])
        }
    }

    /// Remembers copies; if that cannot be stored, until the daemon ends.
    func keep(_ late: [JobCopy?]) async {
        let late = late.compactMap { $0 }
        guard !late.isEmpty else { return }
        copies.add(late)
        do {
            try await store.keep(late, at: context.clock.wallClock)
        } catch {
            context.logger.warning("late copies not stored", ["error": "\(error)"])
        }
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
            // It may be stuck there.
            if live.job.state == .queued, pool[copy.workerID]?.stall.isStalled ?? false { return false }
            if live.job.state == .queued { return await adopt(copy) }
            if isRunning { _ = table.update(copy.promptID) { _ = $0.interruptedOn.insert(copy.workerID) } }
            try await removeCopy(copy, isRunning: isRunning, isWaiting: isWaiting, client)
            return !isRunning
        }
        guard let entry = try await client.history(copy.idOnWorker) else { return true }
        guard case .success = entry.outcome else {
            await discard(copy, client)
            return true
        }
        return await finish(
            copy.promptID, .done, .worker("finished it first"), entry: entry, by: copy.workerID)
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
    private func adopt(_ copy: JobCopy) async -> Bool {
        guard let worker = pool[copy.workerID]?.worker, let job = claim(copy.promptID) else { return false }
        waiting.remove(copy.promptID)
        do {
            let assigned = try await assign(job, to: copy.workerID, .gateway("its former worker is back and has it"))
            // It is the same attempt as before.
            _ = table.update(copy.promptID) { live in
                live.job.attempts = max(1, live.job.attempts - 1)
                if copy.idOnWorker != copy.promptID { live.job.workerPromptID = copy.idOnWorker }
            }
            _ = await take(assigned, worker, nil)
            return true
        } catch {
            context.logger.warning("job not adopted", ["prompt.id": copy.promptID, "error": "\(error)"])
            putBack(copy.promptID)
            dispatchWakeup.set()
            return false
        }
    }
}
