import ComfyUI
import PluginAPI

/// What the queues of all workers hold now, and what waits here, as callers know it.
struct QueueReading: Sendable {
    /// An item of a worker's queue.
    struct Item: Sendable {
        /// With our id and the caller's client id, and without keys to paid services.
        let item: QueueItem
        /// Our job; `nil` when somebody else sent it to the worker.
        let job: Job?
    }

    /// A worker.
    struct OfWorker: Sendable {
        /// What is known of it.
        let member: WorkerPool.Member
        /// Its queue; `nil` when it did not tell.
        let queue: (running: [Item], pending: [Item])?
    }

    /// A job that waits here.
    struct Waiting: Sendable {
        /// The job.
        let job: Job
        /// When its turn comes, from 1.
        let position: Int

        /// In ComfyUI's form; the graph stays on disk.
        var item: JSON {
            let extra: JSON = job.clientID.map { ["client_id": .string($0)] } ?? [:]
            return [.number(JSONNumber(Int(job.sequence))), .string(job.promptID), [:], extra, []]
        }
    }

    /// The workers in order of registration.
    let workers: [OfWorker]
    /// The jobs that wait here, or the first of them, in order.
    let waiting: [Waiting]
    /// How many wait here.
    let waitingTotal: Int

    /// Asks the workers.
    ///
    /// - Parameter longest: How many of the jobs that wait here are wanted.
    static func read(_ engine: JobEngine, longest: Int) async -> QueueReading {
        let snapshots = await QueueReader(registry: engine.registry, clock: engine.context.clock)
            .read(engine.pool.members)
        let workers = engine.pool.members.map { member in
            OfWorker(
                member: member,
                queue: snapshots[member.worker.id].map { snapshot in
                    (snapshot.running.map { restored($0, engine) }, snapshot.pending.map { restored($0, engine) })
                })
        }
        let next = engine.waiting.list(limit: longest)
        let jobs = engine.table.jobs(next.lazy.map(\.promptID))
        let waiting = next.enumerated().compactMap { index, entry in
            jobs[entry.promptID].map { Waiting(job: $0.job, position: index + 1) }
        }
        return QueueReading(workers: workers, waiting: waiting, waitingTotal: engine.waiting.count)
    }

    private static func restored(_ item: QueueItem, _ engine: JobEngine) -> Item {
        let promptID = engine.table.ownID(of: item.promptID)
        let job = engine.table[promptID]?.job
        guard var parts = item.raw.arrayValue, parts.count > 1 else { return Item(item: item, job: job) }
        parts[1] = .string(promptID)
        if parts.count > 3, var extra = parts[3].objectValue {
            extra.hidePrivateKeys(clientID: job == nil ? extra["client_id"]?.stringValue : job?.clientID)
            parts[3] = .object(extra)
        }
        return Item(item: QueueItem(.array(parts)) ?? item, job: job)
    }
}
