internal import PluginAPI

/// The simulator's metrics.
struct SimulatorMetrics: Sendable {
    /// Finished jobs by result: `success`, `error` or `interrupted`.
    let jobs: any Counter
    /// Prompts by answer: `accepted`, `refused` or `dropped`.
    let prompts: any Counter

    init(_ factory: any MetricsFactory) {
        jobs = factory.counter("jobs_total", "Simulated jobs that ended, by result.", labels: ["result"])
        prompts = factory.counter("prompts_total", "Prompts that were posted, by answer.", labels: ["answer"])
    }
}
