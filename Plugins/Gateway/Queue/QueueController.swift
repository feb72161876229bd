import ComfyUI
import PluginAPI

/// `GET /api/queue`.
struct QueueController: Sendable {
    /// What knows the jobs and the workers.
    let engine: JobEngine

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/api/queue",
            docs: OperationDocs(
                "The queues of all workers.",
                description: """
                    Enabled workers that answer are asked now, all at once; the others are shown with their last counts. \
                    `queue_running` and `queue_pending` at the top have ComfyUI's own form. `priority_queue` has the first \
                    1000 prompts that wait in the gateway, in order; `waiting` is how many there are.
                    """,
                returns: ["type": "object"]),
            use: queue)
    }

    private func queue(_ request: Request) async throws -> JSON {
        let asked = engine.pool.members
        let snapshots = await withTaskGroup(of: (String, QueueSnapshot?).self) { group in
            for member in asked where member.worker.enabled && member.health.isHealthy {
                group.addTask { (member.worker.id, try? await engine.registry.queue(of: member.worker)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        var report = QueueReport()
        for member in engine.pool.members {
            report.add(member, snapshots[member.worker.id], restore: restored)
        }
        let next = engine.waiting.list(offset: 0, limit: QueueReport.longestWaitingList)
        report.add(next, engine.table.jobs(next.lazy.map(\.promptID)), total: engine.waiting.count)
        return report.json
    }

    /// An item with our id and the caller's client id, and without keys to paid services.
    private func restored(_ item: QueueItem) -> QueueItem {
        guard var parts = item.raw.arrayValue, parts.count > 1 else { return item }
        let promptID = engine.table.ownID(of: item.promptID)
        let job = engine.table[promptID]?.job
        parts[1] = .string(promptID)
        if parts.count > 3, var extra = parts[3].objectValue {
            extra.hidePrivateKeys(clientID: job == nil ? extra["client_id"]?.stringValue : job?.clientID)
            parts[3] = .object(extra)
        }
        return QueueItem(.array(parts)) ?? item
    }
}
