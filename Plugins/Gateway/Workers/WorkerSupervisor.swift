import PluginAPI
import Synchronization

/// Runs one monitor for each worker that is enabled or still has jobs.
final class WorkerSupervisor: Sendable {
    private struct Watched {
        let monitor: WorkerMonitor
        var worker: Worker
    }

    private let engine: JobEngine
    private let gates = MonitorGates()
    private let watched = Mutex<[String: Watched]>([:])

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
                for member in engine.pool.everyMember { await attend(member.worker, &group) }
                await engine.registry.changes.wait(atMost: Self.interval, clock: engine.context.clock)
            }
        }
    }

    /// Starts, stops or restarts the monitor of one worker.
    private func attend(_ worker: Worker, _ group: inout DiscardingTaskGroup) async {
        let isWanted = (worker.enabled && !worker.isRemoved) || engine.table.hasJobs(on: worker.id)
        let current = watched.withLock { $0[worker.id] }
        switch (current, isWanted) {
        case (nil, true):
            let monitor = WorkerMonitor(workerID: worker.id, engine: engine, gates: gates)
            watched.withLock { $0[worker.id] = Watched(monitor: monitor, worker: worker) }
            group.addTask {
                await monitor.run()
                // Only now may another one start: a worker serves one socket per client id.
                self.watched.withLock { $0[worker.id] = nil }
                self.engine.registry.changes.set()
            }
        case (let current?, false):
            current.monitor.stop()
        case (let current?, true):
            let before = current.worker
            guard before.url != worker.url || before.ownCredentials != worker.ownCredentials else { return }
            watched.withLock { $0[worker.id]?.worker = worker }
            await current.monitor.restart()
        case (nil, false):
            return
        }
    }
}
