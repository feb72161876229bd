import PluginAPI

/// Jobs of workers that lost them, or can no longer be trusted with them.
extension JobEngine {
    /// How long a worker that refuses connections, so that its process is gone, keeps its jobs.
    private static let goneAfter = Duration.seconds(5)

    /// When a worker that does not answer loses its jobs; `nil` when it answers.
    func lossDue(_ workerID: String) -> Instant? {
        guard let member = pool[workerID], case .unhealthy(_, let since) = member.health else { return nil }
        let patience = configuration.lostAfter
        let due = since.advanced(by: patience)
        guard let refusingSince = member.refusingSince else { return due }
        return min(due, refusingSince.advanced(by: min(Self.goneAfter, patience)))
    }

    /// Takes the jobs of a worker that has been unreachable for too long, if others can have them or nobody wants it back.
    func abandonIfLost(_ workerID: String) async {
        guard let due = lossDue(workerID), now >= due, let member = pool[workerID],
            case .unhealthy(let reason, _) = member.health,
            pool.hasAlternative(to: workerID) || !member.worker.isInUse
        else { return }
        await abandon(workerID, because: reason)
    }

    /// Takes the jobs of a worker whose queue stands still; only the one at its head has had its attempt.
    func abandonIfStalled(_ workerID: String) async {
        guard let member = pool[workerID], member.stall.isStalled, case .unhealthy(let reason, _) = member.health else {
            return
        }
        let head = member.stall.head.map { table.ownID(of: $0) }
        for promptID in table.jobs(on: workerID) where promptID != head {
            _ = table.update(promptID) { $0.isUntouched = $0.job.workerID == workerID }
        }
        await abandon(workerID, because: reason)
    }

    private func abandon(_ workerID: String, because reason: String) async {
        let jobs = table.jobs(on: workerID)
        spareWaiting(jobs, on: workerID)
        for promptID in jobs {
            await giveUp(promptID, on: workerID, "its worker is lost: \(reason)", mayBeThere: true)
        }
    }

    /// Takes a job from a worker that lost it, or may have: it waits for another one, unless it was cancelled or has had
    /// all its attempts.
    ///
    /// - Parameter mayBeThere: Whether the worker may still have it.
    func giveUp(_ promptID: String, on workerID: String, _ reason: String, mayBeThere: Bool) async {
        guard let live = table[promptID], live.job.workerID == workerID, !live.isSending else { return }
        pool.lose(workerID, takenAt: live.takenAt, now: now)
        let copy = mayBeThere ? JobCopy(live.job) : nil
        if let actor = live.cancelledBy {
            await finish(
                promptID, .cancelled, JobCause(actor: actor, reason: "cancelled"), copies: copy.map { [$0] } ?? [])
        } else if !live.isUntouched, live.job.attempts >= configuration.maximumAttempts {
            let words = "lost in \(live.job.attempts) attempts, which is the limit; the last time: \(reason)"
            await finish(promptID, .lost, .gateway(words), copies: copy.map { [$0] } ?? [])
        } else {
            requeue(promptID, .gateway(reason), copy: copy, isCharged: !live.isUntouched)
        }
    }

    /// Notes which of a worker's jobs it cannot have worked on: those behind another one of ours that it executed when it
    /// was lost.
    ///
    /// Without such a job each may have been begun, and may be what the worker died of.
    func spareWaiting(_ jobs: [String], on workerID: String) {
        let isExecuting = jobs.contains { promptID in
            guard let live = table[promptID] else { return false }
            return live.job.state == .running && !live.hasEnded && live.job.workerID == workerID
        }
        guard isExecuting else { return }
        for promptID in jobs {
            _ = table.update(promptID) { live in
                guard live.job.workerID == workerID, live.job.state == .submitted else { return }
                live.isUntouched = true
            }
        }
    }
}
