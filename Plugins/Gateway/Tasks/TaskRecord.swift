import ComfyUI
import PluginAPI

/// Renders the whole record of a job.
struct TaskRecord {
    /// What knows the workers and the queue.
    let engine: JobEngine

    /// The record of a job, open or ended.
    ///
    /// `status` is the seed's word, `state` the gateway's own; times are RFC 3339 in UTC, spans seconds.
    ///
    /// - Parameter withPosition: Whether to look for its place in the queue, which takes time in a long one.
    func json(_ live: LiveJob, withPosition: Bool = true) -> JSON {
        let job = live.job
        let now = engine.context.clock.wallClock
        let member = job.workerID.flatMap { engine.pool[$0] }
        let status = TaskStatus(job.state, isReachable: member?.health.isHealthy ?? true)
        let progress = job.state.isFinal ? (job.state == .done ? 100 : nil) : TaskAnswer.progress(live, status)
        return [
            "prompt_id": .string(job.promptID), "gateway_job_id": JSON(job.gatewayJobID),
            "status": .string(status.rawValue), "state": .string(job.state.rawValue),
            "priority": JSON(job.priority), "caller": .string(job.caller), "worker_id": JSON(job.workerID),
            "worker_name": JSON(member?.worker.name), "position": JSON(withPosition ? engine.position(of: live) : nil),
            "progress": JSON(progress), "current_node": JSON(live.progress.currentNode),
            "attempts": JSON(job.attempts), "created_at": .string(job.createdAt.iso8601),
            "submitted_at": JSON(job.submittedAt?.iso8601), "started_at": JSON(job.startedAt?.iso8601),
            "finished_at": JSON(job.finishedAt?.iso8601),
            "wait_seconds": Self.seconds(job.createdAt, job.startedAt ?? job.finishedAt ?? now),
            "run_seconds": job.startedAt.map { Self.seconds($0, job.finishedAt ?? now) } ?? .null,
            "error": JSON(job.error), "node_errors": job.nodeErrors ?? [:],
        ]
    }

    /// The time between two moments, to the millisecond; a clock that went back gives 0.
    private static func seconds(_ start: Timestamp, _ end: Timestamp) -> JSON {
        .number(JSONNumber(Double(max(0, end.milliseconds - start.milliseconds)) / 1000))
    }
}
