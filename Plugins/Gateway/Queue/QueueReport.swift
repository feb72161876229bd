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

    /// Adds a worker: with what its queue holds now, or with its last counts.
    ///
    /// - Parameter restore: Gives an item as the asker may see it; `nil` leaves it out of the lists.
    mutating func add(_ member: WorkerPool.Member, _ snapshot: QueueSnapshot?, restore: (QueueItem) -> QueueItem?) {
        let runningCount = snapshot?.running.count ?? member.load.running
        let pendingCount = snapshot?.pending.count ?? member.load.pending
        totalRunning += runningCount
        totalPending += pendingCount
        workers.append(
            [
                "worker_id": .string(member.worker.id), "name": .string(member.worker.name),
                "url": .string(member.worker.url), "healthy": .bool(member.health.isHealthy),
                "enabled": .bool(member.worker.enabled), "queue_running": .number(JSONNumber(runningCount)),
                "queue_pending": .number(JSONNumber(pendingCount)),
            ])
        guard let snapshot else { return }
        running += list(snapshot.running.map(restore), "running", member.worker)
        pending += list(snapshot.pending.map(restore), "pending", member.worker)
    }

    private mutating func list(_ items: [QueueItem?], _ status: String, _ worker: Worker) -> [QueueItem] {
        for (index, item) in items.enumerated() {
            guard let item else { continue }
            entries.append(
                [
                    "prompt_id": .string(item.promptID), "worker_id": .string(worker.id),
                    "worker_name": .string(worker.name), "status": .string(status),
                    "position": .number(JSONNumber(index + 1)),
                ])
        }
        return items.compactMap(\.self)
    }

    /// Adds the jobs that wait here.
    ///
    /// - Parameters:
    ///   - next: The first of them, in order.
    ///   - jobs: What is known of those that the asker may see.
    ///   - total: How many there are.
    mutating func add(_ next: [WaitingEntry], _ jobs: [String: LiveJob], total: Int) {
        totalWaiting = total
        for (index, entry) in next.enumerated() {
            guard let job = jobs[entry.promptID]?.job else { continue }
            waiting.append([
                "gateway_job_id": JSON(job.gatewayJobID), "prompt_id": .string(job.promptID),
                "priority": JSON(entry.priority), "position": JSON(index + 1),
                "created_at": .string(job.createdAt.iso8601),
            ])
            // The graph stays on disk.
            let extra: JSON = job.clientID.map { ["client_id": .string($0)] } ?? [:]
            waitingItems.append([.number(JSONNumber(Int(job.sequence))), .string(job.promptID), [:], extra, []])
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
