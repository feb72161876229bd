import PluginAPI

/// Renders the story of a job: what happened to it, who caused it and why.
struct TaskStory {
    /// What knows the jobs and the workers.
    let engine: JobEngine

    /// How many events are shown; of more, the last ones.
    static let longest = 1000

    /// The story of a job, by either of its ids; `nil` when it was never seen.
    ///
    /// - Throws: ``DatabaseError``.
    func json(_ id: String) async throws -> JSON? {
        // What was noted a moment ago belongs to it.
        await engine.journal.flush()
        guard let promptID = try await engine.find(id)?.job.promptID else { return nil }
        let events = try await engine.store.events(of: promptID, limit: Self.longest)
        // Looked at last, so that it is not older than the events.
        guard let live = try await engine.find(promptID) else { return nil }
        var body: JSONObject = [
            "prompt_id": .string(promptID), "gateway_job_id": JSON(live.job.gatewayJobID),
            "state": .string(live.job.state.rawValue), "events": .array(events.map(render)),
        ]
        if live.job.state == .queued, !live.isSending {
            let position = engine.waiting.position(of: promptID)
            body["position"] = JSON(position)
            body["waiting_for"] = .string(engine.pool.outlook.words(position: position))
        }
        return .object(body)
    }

    private func render(_ event: JobEvent) -> JSON {
        var body: JSONObject = [
            "at": .string(event.at.iso8601), "state": .string(event.state.rawValue),
            "actor": .string(event.cause.actor), "worker_id": JSON(event.workerID),
            "worker_name": JSON(event.workerID.flatMap { engine.pool[$0]?.worker.name }),
            "reason": .string(event.cause.reason),
        ]
        for (key, value) in event.cause.details?.objectValue ?? [:] where !body.contains(key) { body[key] = value }
        return .object(body)
    }
}
