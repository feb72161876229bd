import ComfyUI
import PluginAPI

/// Reads the queues of many workers, in a time that does not depend on how many of them are silent.
struct QueueReader: Sendable {
    /// What reaches the workers.
    let registry: WorkerRegistry
    /// Measures the time.
    let clock: any TimeSource

    /// How many workers are asked at the same time.
    static let parallelReadings = 64
    /// How long one worker may take for its whole answer.
    static let readingLimit = Duration.seconds(2)
    /// When no more workers are asked; all is over one ``readingLimit`` later.
    static let askingLimit = Duration.seconds(2)

    /// The queues by worker, of those that are enabled, answered last time, and answer now in time.
    func read(_ members: [WorkerPool.Member]) async -> [String: QueueSnapshot] {
        var waiting = members.lazy.filter { $0.worker.enabled && $0.health == .healthy }.map(\.worker).makeIterator()
        let began = clock.now
        return await withTaskGroup(of: (String, QueueSnapshot?).self) { group in
            func ask(_ worker: Worker) {
                group.addTask { (worker.id, try? await registry.queue(of: worker, within: Self.readingLimit)) }
            }
            for _ in 0..<Self.parallelReadings {
                guard let worker = waiting.next() else { break }
                ask(worker)
            }
            var snapshots: [String: QueueSnapshot] = [:]
            while let (id, snapshot) = await group.next() {
                snapshots[id] = snapshot
                if began.duration(to: clock.now) < Self.askingLimit, let worker = waiting.next() { ask(worker) }
            }
            return snapshots
        }
    }
}
