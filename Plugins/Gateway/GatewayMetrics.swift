import PluginAPI
import Synchronization

/// The numbers the gateway publishes.
final class GatewayMetrics: Sendable {
    /// Submissions by outcome: `accepted`, `refused`, `failed`.
    let submits: any Counter

    private let ended: any Counter
    private let retries: any Counter
    private let deletions: any Counter
    private let wait: any Histogram
    private let run: any Histogram
    private let jobs: any Gauge
    private let followers: any Gauge
    private let healthy: any Gauge
    private let load: any Gauge
    private let own: any Gauge
    private let breaker: any Gauge
    /// The workers that the gauges show.
    private let shownNames = Mutex<Set<String>>([])

    /// Upper bounds in seconds: jobs take from less than a second (cached) to hours (video).
    private static let seconds: [Double] = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200]

    /// Makes the series.
    init(_ factory: any MetricsFactory) {
        submits = factory.counter("submits_total", "Submitted prompts by outcome.", labels: ["outcome"])
        ended = factory.counter(
            "jobs_ended_total", "Jobs that ended, by final state and worker (empty when none ran it).",
            labels: ["state", "worker"])
        retries = factory.counter(
            "retries_total", "Jobs that went back from a worker into the queue.", labels: ["worker"])
        wait = factory.histogram(
            "job_wait_seconds", "From the submission of a job to the start of its execution.", labels: ["worker"],
            buckets: Self.seconds)
        run = factory.histogram(
            "job_run_seconds", "From the start of a job's execution to its end.", labels: ["worker", "state"],
            buckets: Self.seconds)
        deletions = factory.counter("jobs_deleted_total", "Ended jobs deleted by retention.", labels: [])
        followers = factory.gauge("followers", "Open streams of job events.", labels: [])
        jobs = factory.gauge("jobs", "Jobs that have not ended, by state.", labels: ["state"])
        healthy = factory.gauge("worker_healthy", "1 when the worker answered last time.", labels: ["worker"])
        load = factory.gauge(
            "worker_queue", "Prompts running and waiting on the worker, other people's too.", labels: ["worker"])
        own = factory.gauge("worker_jobs", "Jobs of this gateway on the worker.", labels: ["worker"])
        breaker = factory.gauge(
            "worker_breaker", "The worker's circuit breaker: 0 closed, 1 half open, 2 open.", labels: ["worker"])
    }

    /// Counts a job that has ended, on a worker of this name.
    func finished(_ job: Job, worker: String?) {
        ended.increment(job.state.rawValue, worker ?? "")
        guard let worker, let started = job.startedAt ?? job.submittedAt else { return }
        wait.observe(Self.seconds(job.createdAt, started), [worker])
        guard let finished = job.finishedAt else { return }
        run.observe(Self.seconds(started, finished), [worker, job.state.rawValue])
    }

    /// Counts a job that goes back from a worker into the queue.
    func retried(worker: String?) {
        retries.increment(worker ?? "")
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
        let shown = members.filter { !$0.worker.isRemoved }
        let names = Set(shown.map(\.worker.name))
        // A worker that was deleted or has another name would look healthy for ever.
        let gone = shownNames.withLock { shownNames in
            defer { shownNames = names }
            return shownNames.subtracting(names)
        }
        for name in gone {
            for gauge in [healthy, load, own, breaker] { gauge.remove([name]) }
        }
        for member in shown {
            healthy.set(member.health.isHealthy ? 1 : 0, [member.worker.name])
            load.set(Double(member.load.total), [member.worker.name])
            own.set(Double(member.load.ours), [member.worker.name])
            breaker.set(member.breaker.level, [member.worker.name])
        }
    }

    private static func seconds(_ from: Timestamp, _ to: Timestamp) -> Double {
        Double(max(0, to.milliseconds - from.milliseconds)) / 1000
    }
}
