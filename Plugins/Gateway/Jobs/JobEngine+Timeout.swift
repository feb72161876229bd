import PluginAPI

extension JobEngine {
    /// Sets when a job must have ended: it is executed since a time.
    ///
    /// Counted with the monotonic clock; what passed before a restart with the other one.
    func setDeadline(_ live: inout LiveJob, executedSince start: Timestamp) {
        guard configuration.jobTimeout > .zero else { return }
        let passed = Duration.milliseconds(max(0, context.clock.wallClock.milliseconds - start.milliseconds))
        live.deadline = now.advanced(by: configuration.jobTimeout - passed)
    }

    /// Ends the jobs that were executed for too long.
    ///
    /// Each counts as a copy on its worker, which interrupts it there at the next look at its queue, or when it answers
    /// again.
    func endOverdue() async {
        for promptID in table.overdue(now) {
            guard let live = table[promptID], let copy = JobCopy(live.job), !live.hasEnded else { continue }
            let limit = configuration.jobTimeout.configText
            await finish(
                promptID, .failed, .gateway("it was executed for longer than the limit of \(limit) (job_timeout)"),
                copies: [copy])
        }
    }
}
