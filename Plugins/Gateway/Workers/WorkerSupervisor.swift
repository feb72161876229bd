import ComfyUI
import PluginAPI
import Synchronization

/// Runs one monitor for each worker that is enabled or still has jobs, or copies of jobs that were taken from it.
final class WorkerSupervisor: Sendable {
    private let engine: JobEngine
    private let gates = MonitorGates()
    private let monitors = Mutex<[String: WorkerMonitor]>([:])

    /// How often workers that are out of use are looked at for jobs.
    private static let interval = Duration.seconds(2)

    /// Makes a supervisor that does nothing yet.
    init(engine: JobEngine) {
        self.engine = engine
    }

    /// Runs monitors until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                for member in engine.pool.everyMember { attend(member.worker, &group) }
                await engine.registry.changes.wait(atMost: Self.interval, clock: engine.context.clock)
            }
        }
    }

    /// Starts, stops or restarts the monitor of one worker.
    private func attend(_ worker: Worker, _ group: inout DiscardingTaskGroup) {
        let hasJobs = engine.table.hasJobs(on: worker.id) || (!worker.isRemoved && engine.copies.areOn(worker.id))
        let isWanted = worker.isInUse || hasJobs
        let current = monitors.withLock { $0[worker.id] }
        switch (current, isWanted) {
        case (nil, true):
            let monitor = WorkerMonitor(workerID: worker.id, engine: engine, gates: gates)
            monitors.withLock { $0[worker.id] = monitor }
            group.addTask {
                await monitor.run()
                // Only now may another one start: a worker serves one socket per client id.
                self.monitors.withLock { $0[worker.id] = nil }
                self.engine.registry.changes.set()
            }
        case (let current?, false):
            current.stop()
        case (let current?, true):
            guard current.isOutdated else { return }
            // A worker that does not say goodbye must not hold up the others.
            group.addTask { await current.restartIfOutdated() }
        case (nil, false):
            return
        }
    }
}
