import ComfyUI
import PluginAPI

/// The answer of `GET /api/queue`: the workers' queues as one.
struct QueueReport {
    private var workers: [JSON] = []
    private var entries: [JSON] = []
    private var running: [QueueItem] = []
    private var pending: [QueueItem] = []
    private var waiting: [JSON] = []
    private var waitingItems: [JSON] = []
    private var totalRunning = 0
    private var totalPending = 0
    private var totalWaiting = 0

    /// How many of the jobs that wait here are listed.
    static let longestWaitingList = 1000

    /// Reports what was read.
    ///
    /// - Parameter own: The one caller whose jobs are listed; `nil` for all.
    init(_ reading: QueueReading, to own: String?) {
        for worker in reading.workers { add(worker, own) }
        add(reading.waiting, reading.waitingTotal, own)
    }

    /// Adds a worker: with what its queue holds now, or with its last counts.
    private mutating func add(_ reading: QueueReading.OfWorker, _ own: String?) {
        let member = reading.member
        let runningCount = reading.queue?.running.count ?? member.load.running
        let pendingCount = reading.queue?.pending.count ?? member.load.pending
        totalRunning += runningCount
        totalPending += pendingCount
        workers.append(
            [
                "worker_id": .string(member.worker.id), "name": .string(member.worker.name),
                "url": .string(member.worker.url), "healthy": .bool(member.health.isHealthy),
                "enabled": .bool(member.worker.enabled), "queue_running": .number(JSONNumber(runningCount)),
                "queue_pending": .number(JSONNumber(pendingCount)),
            ])
        guard let queue = reading.queue else { return }
        running += list(queue.running, "running", member.worker, own)
        pending += list(queue.pending, "pending", member.worker, own)
    }

    private mutating func list(
        _ items: [QueueReading.Item], _ status: String, _ worker: Worker, _ own: String?
    ) -> [QueueItem] {
        var shown: [QueueItem] = []
        for (index, entry) in items.enumerated() where own == nil || own == entry.job?.caller {
            entries.append(
                [
                    "prompt_id": .string(entry.item.promptID), "worker_id": .string(worker.id),
                    "worker_name": .string(worker.name), "status": .string(status),
                    "position": .number(JSONNumber(index + 1)),
                ])
            shown.append(entry.item)
        }
        return shown
    }

    /// Adds the jobs that wait here.
    private mutating func add(_ next: [QueueReading.Waiting], _ total: Int, _ own: String?) {
        totalWaiting = total
        for entry in next where own == nil || own == entry.job.caller {
            let job = entry.job
            waiting.append([
                "gateway_job_id": JSON(job.gatewayJobID), "prompt_id": .string(job.promptID),
                "priority": JSON(job.priority), "position": JSON(entry.position),
                "created_at": .string(job.createdAt.iso8601),
            ])
            waitingItems.append(entry.item)
        }
    }

    /// The whole answer; the last two keys are ComfyUI's own, there jobs that wait here come last.
    var json: JSON {
        [
            "workers": .array(workers), "gateway_queue": .array(entries),
            "total_running": .number(JSONNumber(totalRunning)), "total_pending": .number(JSONNumber(totalPending)),
            "priority_queue": .array(waiting), "waiting": JSON(totalWaiting),
            "queue_running": .array(running.sorted { $0.precedes($1) }.map(\.raw)),
            "queue_pending": .array(pending.sorted { $0.precedes($1) }.map(\.raw) + waitingItems),
        ]
    }
}
