import ComfyUI
import PluginAPI

/// Reads the queues of many workers, in a time that does not depend on how many of them are silent.
struct QueueReader: Sendable {
    /// What reaches the workers.
    let registry: WorkerRegistry
    /// Measures the time.
    let clock: any TimeSource

    /// The queues by worker, of those that are enabled, answered last time, and answer now in time.
    func read(_ members: [WorkerPool.Member]) async -> [String: QueueSnapshot] {
        await WorkerSweep.ask(members.lazy.filter(\.answers).map(\.worker), clock: clock) { [registry] worker in
            try? await registry.queue(of: worker, within: WorkerSweep.answerLimit)
        }
    }
}

extension WorkerPool.Member {
    /// Whether it is enabled and answered last time.
    var answers: Bool { worker.enabled && health == .healthy }
}
