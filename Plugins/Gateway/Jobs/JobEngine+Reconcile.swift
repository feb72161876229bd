import ComfyUI
import PluginAPI

extension JobEngine {
    /// How long a job must be unknown to its worker before that counts.
    static let absence = Duration.seconds(1)

    /// Compares the jobs of a worker with its queue; events can be missed, and workers restart.
    ///
    /// - Parameter began: When the reading of the queue began; jobs handed over since are left alone.
    /// - Returns: the jobs that are not in the queue: see ``settleAbsent(_:on:)``.
    func reconcile(_ workerID: String, _ queue: QueueOutline, began: Instant) async -> [String] {
        await settleCopies(on: workerID, queue)
        var seen: Set<String> = []
        for id in queue.running {
            seen.insert(id)
            sighted(table.ownID(of: id), on: workerID, position: nil)
        }
        for (index, id) in queue.pending.enumerated() {
            seen.insert(id)
            sighted(table.ownID(of: id), on: workerID, position: index + 1)
        }
        let absent = table.jobs(on: workerID).filter { promptID in
            guard let live = table[promptID], !live.isSending, !live.isCollecting else { return false }
            guard live.job.workerID == workerID, !seen.contains(live.job.idOnWorker) else { return false }
            return live.takenAt.map { $0 < began } ?? true
        }
        spareWaiting(absent, on: workerID)
        return absent
    }

    /// A job is in its worker's queue: running without a position, else waiting.
    private func sighted(_ promptID: String, on workerID: String, position: Int?) {
        let isHere = table.update(promptID) { live -> Bool in
            guard live.job.workerID == workerID, !live.isSending else { return false }
            live.position = position
            live.missingSince = nil
            live.isUntouched = false
            return true
        }
        guard isHere ?? false else { return }
        if position == nil {
            started(promptID, on: workerID, .worker("executes it, as its queue shows"))
        } else {
            move(promptID, to: .submitted, .worker("has it in its queue")) { $0.job.workerID == workerID }
        }
    }

    /// Decides about a job that is not in its worker's queue: it has ended, or it is lost.
    ///
    /// - Returns: whether it has to be looked at again soon.
    func settleAbsent(_ promptID: String, on worker: Worker) async -> Bool {
        guard let live = table[promptID], live.job.workerID == worker.id else { return false }
        // The next probe waits for this, so it must not take longer than one.
        let client = registry.client(worker).with(
            timeout: min(WorkerRegistry.probeTimeout, configuration.requestTimeout))
        do {
            if let entry = try await client.history(live.job.idOnWorker) {
                await finish(promptID, with: entry, from: worker.id)
                return false
            }
        } catch let error as HTTPClientError {
            pool.fail(worker.id, error, now: now)
            return false
        } catch let error as ComfyServerError {
            await endUnreadable(promptID, on: worker.id, error.reason)
            return false
        } catch {
            return false
        }
        switch judge(promptID, on: worker.id) {
        case .wait: return true
        case .keep: return false
        case .lost: await giveUp(promptID, on: worker.id, "its worker does not know it any more", mayBeThere: false)
        case .removed: await finish(promptID, .cancelled, .gateway("removed from the worker's queue"))
        }
        return false
    }

    /// Ends a job whose result its worker cannot tell for too long, although its queue can be read: otherwise the job would
    /// take one of its worker's places for ever.
    private func endUnreadable(_ promptID: String, on workerID: String, _ problem: String) async {
        let now = self.now
        let since = table.update(promptID) { live -> Instant? in
            guard live.job.workerID == workerID, !live.isSending, !live.isCollecting else { return nil }
            live.unreadableSince = live.unreadableSince ?? now
            return live.unreadableSince
        }
        guard let since = since ?? nil, since.duration(to: now) >= configuration.lostAfter else { return }
        await finish(promptID, .failed, .gateway("its worker cannot tell its result: \(problem)"))
    }

    private enum Verdict {
        case keep
        case wait
        case lost
        case removed
    }

    /// What happens to a job that its worker does not know.
    ///
    /// A worker whose event stream has been connected all the time since it took the job did not restart: then
    /// somebody removed the job from its queue.
    private func judge(_ promptID: String, on workerID: String) -> Verdict {
        let now = self.now
        let connectedSince = pool[workerID]?.connectedSince
        return table.update(promptID) { live -> Verdict in
            guard live.job.workerID == workerID, !live.isSending, !live.isCollecting else { return .keep }
            live.unreadableSince = nil
            guard let missingSince = live.missingSince else {
                live.missingSince = now
                return .wait
            }
            guard missingSince.duration(to: now) >= Self.absence else { return .wait }
            if let takenAt = live.takenAt, let connectedSince, connectedSince < takenAt { return .removed }
            return .lost
        } ?? .keep
    }
}
