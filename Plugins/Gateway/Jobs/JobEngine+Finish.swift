import ComfyUI
import PluginAPI

extension JobEngine {
    /// The pauses between looks for a history entry: a server writes it just after it says that a prompt has ended.
    private static let pauses: [Duration] = [
        .zero, .milliseconds(20), .milliseconds(50), .milliseconds(100), .milliseconds(250), .milliseconds(500),
        .seconds(1),
    ]

    /// Fetches and keeps the result of a job that has ended on its worker.
    func collect(_ promptID: String) async {
        guard let live = table[promptID], let worker = live.job.workerID.flatMap({ pool[$0]?.worker }) else { return }
        let client = registry.client(worker)
        do {
            for pause in Self.pauses {
                if pause > .zero { try await context.clock.sleep(for: pause) }
                guard let entry = try await client.history(live.job.idOnWorker) else { continue }
                return await finish(promptID, with: entry, from: worker.id)
            }
        } catch {
            context.logger.debug("history not read", ["prompt.id": promptID, "error": "\(error)"])
        }
        // The next comparison with the worker's queue and history decides.
        _ = table.update(promptID) { $0.isCollecting = false }
    }

    /// Lets the results be looked for again that nobody fetches any more.
    func forgetCollections(on workerID: String) {
        for promptID in table.jobs(on: workerID) {
            _ = table.update(promptID) { $0.isCollecting = false }
        }
    }

    /// Ends a job with its history entry, unless it went to another worker meanwhile: its files would be looked for there.
    func finish(_ promptID: String, with entry: HistoryEntry, from workerID: String) async {
        guard let live = table[promptID], live.job.workerID == workerID else { return }
        pool.end(workerID, takenAt: live.takenAt)
        switch entry.outcome {
        case .success: await finish(promptID, .done, .worker("finished"), entry: entry)
        case .failure(let words): await finish(promptID, .failed, .worker(words), entry: entry)
        case .interrupted where live.cancelledBy == nil && live.interruptedOn.contains(workerID):
            _ = table.update(promptID) { _ = $0.interruptedOn.remove(workerID) }
            if let copy = JobCopy(live.job), let worker = pool[workerID]?.worker {
                await discard(copy, registry.client(worker))
            }
            requeue(promptID, .gateway("its worker interrupted it as an old copy"), isCharged: false)
        case .interrupted:
            let cause = JobCause(actor: live.cancelledBy ?? "worker", reason: "interrupted")
            await finish(promptID, .cancelled, cause, entry: entry)
        @unknown default: await finish(promptID, .failed, .worker("unknown outcome"), entry: entry)
        }
    }

    /// Ends a job: on disk, then for everybody else.
    ///
    /// The first end wins. If it cannot be stored, the job stays open and is compared with its worker again. A worker
    /// that has the job and did not end it counts as one that may still have it.
    ///
    /// - Parameters:
    ///   - copies: Workers that may still have the job.
    ///   - workerID: The worker whose result it is, if that is not the one that has the job now.
    /// - Returns: false when it could not be stored.
    @discardableResult
    func finish(
        _ promptID: String, _ state: JobState, _ cause: JobCause, entry: HistoryEntry? = nil, copies: [JobCopy] = [],
        by workerID: String? = nil
    ) async -> Bool {
        guard let ending = ending(promptID, state, cause, entry: entry, copies: copies, by: workerID) else {
            return true
        }
        return await finish([ending])
    }

    /// Ends jobs in one write, see ``finish(_:_:_:entry:copies:by:)``.
    ///
    /// - Returns: false when it could not be stored; then all of them stay open.
    func finish(_ endings: [JobEnding]) async -> Bool {
        do {
            let first = try await store.finish(endings)
            for ending in endings {
                let promptID = ending.job.promptID
                let isFirst = first.contains(promptID)
                // Whoever follows it is told of the end that counts.
                let ended = isFirst ? ending.job : (try? await store.record(promptID)) ?? ending.job
                let late = close(ended, ending.event, isFirst: isFirst)
                // Not before: a copy of a job that is open on the same worker counts as settled.
                copies.add(ending.copies)
                await keep(late)
            }
            return true
        } catch {
            for ending in endings {
                journal.putBack(ending.pending)
                context.logger.error("result not stored", ["prompt.id": ending.job.promptID, "error": "\(error)"])
                _ = table.update(ending.job.promptID) { $0.isCollecting = false }
            }
            return false
        }
    }

    /// The end of a job, to be stored, with what the journal has of it; `nil` when it has ended.
    ///
    /// For its parameters see ``finish(_:_:_:entry:copies:by:)``.
    func ending(
        _ promptID: String, _ state: JobState, _ cause: JobCause, entry: HistoryEntry? = nil, copies: [JobCopy] = [],
        by workerID: String? = nil
    ) -> JobEnding? {
        guard let live = table[promptID] else { return nil }
        var job = live.job
        job.state = state
        job.error = state == .done ? nil : cause.reason
        job.finishedAt = context.clock.wallClock
        var copies = copies
        if let workerID, workerID != job.workerID, let copy = JobCopy(job) { copies.append(copy) }
        if let workerID { job.workerID = workerID }
        return JobEnding(
            job: job, history: entry?.text(promptID: job.promptID, clientID: job.clientID),
            event: JobEvent(job, at: context.clock.wallClock, cause), copies: copies, pending: journal.take(promptID))
    }

    /// Takes an ended job out of memory and tells of it.
    ///
    /// - Returns: what came while its end was written: copies, also on a worker that got it meanwhile.
    private func close(_ job: Job, _ event: JobEvent, isFirst: Bool) -> [JobCopy] {
        waiting.remove(job.promptID)
        // What was noted of its state is out of date.
        var copies = journal.take(job.promptID)?.copies ?? []
        let last = table.remove(job.promptID, last: .state(describe(job)))
        // If it is still being sent, the sender will notice.
        if let last, !last.isSending, last.job.revision != job.revision, let copy = JobCopy(last.job) {
            copies.append(copy)
        }
        guard isFirst else { return copies }
        announce(event)
        metrics.finished(job, worker: job.workerID.flatMap { pool[$0]?.worker.name })
        context.events.publish(
            JobFinished(promptID: job.promptID, state: job.state, serverID: job.workerID, message: job.error))
        return copies
    }
}
