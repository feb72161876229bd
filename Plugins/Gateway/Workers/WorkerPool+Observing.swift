import ComfyUI
import PluginAPI

extension WorkerPool {
    /// A reading of the queue succeeded.
    ///
    /// - Parameters:
    ///   - foreign: How many of the prompts there are not ours.
    ///   - head: The running prompt, else the first waiting one.
    func finishReading(
        _ id: String, running: Int, pending: Int, foreign: Int, head: String? = nil, now: Instant
    ) {
        observe(id) { member, rules in
            member.load.running = running
            member.load.pending = pending
            member.load.foreign = foreign
            member.refusingSince = nil
            member.breaker.answered(now: now)
            member.stall.looked(head: head, hasOurs: member.load.ours > 0, now: now, limit: rules.stallTimeout)
            if member.stall.isStalled {
                member.turnUnhealthy(
                    "its queue stands still: nothing was heard of its first prompt for \(rules.stallTimeout.configText)",
                    now)
            } else {
                member.health = .healthy
            }
        }
    }

    /// A worker did not answer a look, or not as it should; its own words stay out of the reason, which callers see.
    func fail(_ id: String, _ error: any Error, now: Instant) {
        observe(id) { member, _ in member.fail(error, now) }
    }

    /// A worker did not take a job, by its own fault.
    func failHandOver(_ id: String, _ error: any Error, now: Instant) {
        observe(id) { member, rules in
            member.turnUnhealthy(error, now)
            member.breaker.failed(now: now, rules.breaker)
        }
    }

    /// A worker broke down over a job, which may be the job's fault: it stays healthy, but that must not go on.
    func breakDown(_ id: String, now: Instant) {
        observe(id) { member, rules in member.breaker.failed(now: now, rules.breaker) }
    }

    /// A worker lost a job that it took at a time, if that is known.
    func lose(_ id: String, takenAt: Instant?, now: Instant) {
        observe(id) { member, rules in member.breaker.lost(takenAt: takenAt, now: now, rules.breaker) }
    }

    /// A job that a worker took at a time, if that is known, has ended there.
    func end(_ id: String, takenAt: Instant?) {
        observe(id) { member, _ in member.breaker.ended(takenAt: takenAt) }
    }

    /// The event stream of a worker was connected (with the time), or broke (`nil`).
    func setConnected(_ id: String, since: Instant?) {
        note(id) { member in
            member.connectedSince = since
            member.unheardSince = nil
        }
    }

    /// An event of a worker arrived; whether it shows that something is executed there.
    func heard(_ id: String, showsExecution: Bool, now: Instant) {
        note(id) { member in
            member.unheardSince = nil
            if showsExecution { member.stall.heard(now: now) }
        }
    }
}

extension WorkerPool.Member {
    fileprivate mutating func fail(_ error: any Error, _ now: Instant) {
        let isRefused = (error as? HTTPClientError)?.wasRefused ?? false
        refusingSince = isRefused ? refusingSince ?? now : nil
        turnUnhealthy(error, now)
    }

    fileprivate mutating func turnUnhealthy(_ error: any Error, _ now: Instant) {
        turnUnhealthy((error as? ComfyServerError)?.reason ?? "\(error)", now)
    }

    fileprivate mutating func turnUnhealthy(_ reason: String, _ now: Instant) {
        var since = now
        if case .unhealthy(_, let before) = health { since = before }
        health = .unhealthy(reason, since: since)
    }
}
