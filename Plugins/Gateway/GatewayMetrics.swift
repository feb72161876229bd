import PluginAPI

/// The numbers the gateway publishes.
final class GatewayMetrics: Sendable {
    /// Submissions by outcome: `accepted`, `refused`, `failed`.
    let submits: any Counter

    private let ended: any Counter
    private let retries: any Counter
    private let deletions: any Counter
    private let jobs: any Gauge
    private let followers: any Gauge
    private let healthy: any Gauge
    private let load: any Gauge

    /// Makes the series.
    init(_ factory: any MetricsFactory) {
        submits = factory.counter("submits_total", "Submitted prompts by outcome.", labels: ["outcome"])
        ended = factory.counter("jobs_ended_total", "Jobs that ended, by final state.", labels: ["state"])
        retries = factory.counter("retries_total", "Jobs that went back from a worker into the queue.", labels: [])
        deletions = factory.counter("jobs_deleted_total", "Ended jobs deleted by retention.", labels: [])
        followers = factory.gauge("followers", "Open streams of job events.", labels: [])
        jobs = factory.gauge("jobs", "Jobs that have not ended, by state.", labels: ["state"])
        healthy = factory.gauge("worker_healthy", "1 when the worker answered last time.", labels: ["worker"])
        load = factory.gauge("worker_queue", "Prompts running and waiting on the worker.", labels: ["worker"])
    }

    /// Counts a job that has ended.
    func finished(_ job: Job) {
        ended.increment(job.state.rawValue)
    }

    /// Counts a job that goes back from a worker into the queue.
    func retried() {
        retries.increment()
    }

    /// Counts ended jobs that were deleted.
    func deleted(_ count: Int) {
        if count > 0 { deletions.increment(by: Double(count), []) }
    }

    /// Sets the gauges.
    func observe(_ table: JobTable, _ members: [WorkerPool.Member]) {
        let counts = table.counts
        followers.set(Double(table.followerCount), [])
        for state in JobStateMachine.open { jobs.set(Double(counts[state] ?? 0), [state.rawValue]) }
        for member in members where member.worker.isRemoved {
            healthy.remove([member.worker.name])
            load.remove([member.worker.name])
        }
        for member in members where !member.worker.isRemoved {
            healthy.set(member.health.isHealthy ? 1 : 0, [member.worker.name])
            load.set(Double(member.load.total), [member.worker.name])
        }
    }
}
