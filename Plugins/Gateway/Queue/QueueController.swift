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
                    Enabled workers that answered last time are asked now, and have two seconds; the others are shown \
                    with their last counts. `queue_running` and `queue_pending` at the top have ComfyUI's own form. \
                    `priority_queue` has the first 1000 prompts that wait in the gateway, in order; `waiting` is how many \
                    there are. A key without `jobs:all` finds its own prompts in the lists; the numbers count all.
                    """,
                returns: Schemas.queue),
            use: queue)
    }

    private func queue(_ request: Request) async throws -> JSON {
        let reader = QueueReader(registry: engine.registry, clock: engine.context.clock)
        let snapshots = await reader.read(engine.pool.members)
        var report = QueueReport()
        let own = JobCaller.limit(of: request.principal)
        for member in engine.pool.members {
            report.add(member, snapshots[member.worker.id]) { restored($0, to: own) }
        }
        let next = engine.waiting.list(offset: 0, limit: QueueReport.longestWaitingList)
        let shown = next.lazy.filter { own == nil || own == $0.caller }.map(\.promptID)
        report.add(next, engine.table.jobs(shown), total: engine.waiting.count)
        return report.json
    }

    /// An item with our id and the caller's client id, and without keys to paid services; `nil` when it is not to be seen.
    ///
    /// - Parameter own: The one caller whose jobs may be seen; `nil` for all.
    private func restored(_ item: QueueItem, to own: String?) -> QueueItem? {
        let promptID = engine.table.ownID(of: item.promptID)
        let job = engine.table[promptID]?.job
        guard own == nil || own == job?.caller else { return nil }
        guard var parts = item.raw.arrayValue, parts.count > 1 else { return item }
        parts[1] = .string(promptID)
        if parts.count > 3, var extra = parts[3].objectValue {
            extra.hidePrivateKeys(clientID: job == nil ? extra["client_id"]?.stringValue : job?.clientID)
            parts[3] = .object(extra)
        }
        return QueueItem(.array(parts)) ?? item
    }
}
