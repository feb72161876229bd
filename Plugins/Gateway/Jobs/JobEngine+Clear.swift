import ComfyUI
import PluginAPI

/// Clearing the queue: ours, and those of the workers.
extension JobEngine {
    /// How many jobs end in one transaction: a submission may have to wait for it.
    private static let clearingBatch = 500
    /// How long is waited for jobs that are being handed over: before, their workers cannot be told.
    private static let handoverPatience = Duration.seconds(2)

    /// Cancels all jobs that wait here or with a worker; those that run stay.
    ///
    /// Of all callers, also the prompts that somebody else sent to a worker are removed there. Jobs of a worker that cannot be told end all the same; it is told when it is back.
    ///
    /// - Parameter caller: Whose jobs; `nil` for all.
    /// - Throws: ``HTTPError`` 503 when it could not be stored; then a part of them may have ended.
    func clear(of caller: String?, by actor: String) async throws -> [QueueClearing] {
        let cause = JobCause(actor: actor, reason: "removed with the whole queue")
        var removed = try await clearWaiting(of: caller, cause)
        let late = table.sending(of: caller)
        if !late.isEmpty {
            let deadline = now.advanced(by: Self.handoverPatience)
            while now < deadline, late.contains(where: { table[$0]?.isSending ?? false }) {
                try await context.clock.sleep(for: .milliseconds(20))
            }
            removed += try await clearWaiting(of: caller, cause)
        }
        let members = pool.everyMember.filter { member in
            table.hasJobs(on: member.worker.id) || caller == nil && member.worker.isInUse
        }
        let results = await WorkerSweep.ask(members.map(\.worker), within: nil, clock: context.clock) { worker in
            await self.clear(worker, of: caller, cause)
        }
        return [QueueClearing(server: nil, removed: removed)] + members.compactMap { results[$0.worker.id] ?? nil }
    }

    private func clearWaiting(of caller: String?, _ cause: JobCause) async throws -> Int {
        let ids = waiting.list().filter { caller == nil || caller == $0.caller }.map(\.promptID)
        return try await end(ids, cause) { claim($0) != nil ? [] : nil }
    }

    /// Ends jobs as cancelled, in batches.
    ///
    /// - Parameter copies: Workers that may still have a job; `nil` leaves it alone. Asked just before its end.
    /// - Returns: how many have ended.
    /// - Throws: ``HTTPError`` 503 when it could not be stored.
    private func end(_ ids: [String], _ cause: JobCause, _ copies: (String) -> [JobCopy]?) async throws -> Int {
        var count = 0
        for start in stride(from: 0, to: ids.count, by: Self.clearingBatch) {
            let endings = ids[start..<min(ids.count, start + Self.clearingBatch)].compactMap { id in
                copies(id).flatMap { ending(id, .cancelled, cause, copies: $0) }
            }
            guard await finish(endings) else {
                for ending in endings where ending.job.workerID == nil { putBack(ending.job.promptID) }
                dispatchWakeup.set()
                throw Self.notStored
            }
            count += endings.count
        }
        return count
    }

    // MARK: - Workers

    /// What came of clearing a worker's queue.
    private struct Cleared: Sendable {
        /// Our jobs that were removed, by our ids.
        var ours: [String] = []
        /// Our jobs that had ended meanwhile.
        var ended: [(promptID: String, entry: HistoryEntry)] = []
        /// How many prompts of others were removed.
        var foreign = 0
    }

    /// Clears a worker's queue; `nil` when it has nothing of the caller.
    private func clear(_ worker: Worker, of caller: String?, _ cause: JobCause) async -> QueueClearing? {
        let jobs = table.jobs(on: worker.id).compactMap { table[$0] }.filter { live in
            Self.isWaiting(live, at: worker.id) && (caller == nil || caller == live.job.caller)
        }
        guard let member = pool[worker.id], !jobs.isEmpty || caller == nil else { return nil }
        var result = QueueClearing(server: ComfyServer(member))
        do {
            guard member.health.isHealthy else {
                result.removed = try await endUntold(jobs, on: worker, cause)
                result.problem = "The worker does not answer; of this gateway's prompts it is told when it is back."
                return result
            }
            do {
                let cleared = try await Deadline.run(WorkerRegistry.probeTimeout, clock: context.clock) {
                    try await self.remove(jobs, andOthers: caller == nil, from: worker)
                }
                for (promptID, entry) in cleared.ended { await finish(promptID, with: entry, from: worker.id) }
                let ours = try await end(cleared.ours, cause) { id in
                    table[id].map { Self.isWaiting($0, at: worker.id) } ?? false ? [] : nil
                }
                result.removed = ours + cleared.foreign
            } catch let error where error is HTTPClientError || error is ComfyServerError {
                context.logger.warning("queue not cleared", ["worker.id": worker.id, "error": "\(error)"])
                result.removed = try await endUntold(jobs, on: worker, cause)
                result.problem = "The worker could not be told; of this gateway's prompts it is told when it answers."
            }
        } catch {
            result.problem = Self.notStored.message
        }
        let late = table.sending(of: caller).filter { table[$0]?.job.workerID == worker.id }
        if !late.isEmpty, result.problem == nil {
            result.problem = "It is being handed \(late.count) of the prompts just now; they stay."
        }
        return result
    }

    private static func isWaiting(_ live: LiveJob, at workerID: String) -> Bool {
        live.job.workerID == workerID && live.job.state != .running && !live.isSending && !live.hasEnded
    }

    private func endUntold(_ jobs: [LiveJob], on worker: Worker, _ cause: JobCause) async throws -> Int {
        try await end(jobs.map(\.job.promptID), cause) { id in
            guard let live = table[id], Self.isWaiting(live, at: worker.id) else { return nil }
            return JobCopy(live.job).map { [$0] }
        }
    }

    /// Removes what waits in a worker's queue: our jobs, and perhaps those of others.
    private func remove(_ jobs: [LiveJob], andOthers: Bool, from worker: Worker) async throws -> Cleared {
        let client = registry.client(worker).with(timeout: WorkerRegistry.probeTimeout)
        let pending = try await client.queueOutline().pending
        let own = table.idsOnWorker(worker.id)
        let wanted = Dictionary(jobs.map { ($0.job.idOnWorker, $0.job.promptID) }) { first, _ in first }
        let doomed = pending.filter { wanted[$0] != nil || andOthers && !own.contains($0) }
        guard !doomed.isEmpty else { return Cleared() }
        try await client.deleteFromQueue(doomed)
        // Meanwhile the first ones may have begun, and even ended.
        let after = try await client.queueOutline()
        let kept = Set(after.running + after.pending)
        var cleared = Cleared()
        var mayHaveEnded = true
        for id in doomed where !kept.contains(id) {
            guard let promptID = wanted[id] else {
                cleared.foreign += 1
                continue
            }
            if mayHaveEnded, let entry = try await client.history(id) {
                cleared.ended.append((promptID, entry))
            } else {
                mayHaveEnded = false
                cleared.ours.append(promptID)
            }
        }
        return cleared
    }
}
