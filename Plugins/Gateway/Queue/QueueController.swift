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
        let own = JobCaller.limit(of: request.principal)
        let reading = await QueueReading.read(engine, longest: QueueReport.longestWaitingList)
        return QueueReport(reading, to: own).json
    }
}
