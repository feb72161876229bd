import ComfyUI
import PluginAPI

/// Renders what is known of a job in the words of the gateway's surface (`spec/gateway.md` §5).
enum TaskAnswer {
    /// The answer about a job that has not ended.
    ///
    /// - Parameter member: Its worker, if it has one.
    static func open(_ live: LiveJob, worker member: WorkerPool.Member?) -> JSON {
        var body = head(live.job, workerName: member?.worker.name)
        let isReachable = member?.health.isHealthy ?? true
        switch live.job.state {
        case .queued, .dispatching:
            describe(&body, "queued", progress: 0, "The prompt waits in the gateway.")
        case _ where !isReachable:
            describe(&body, "unknown", progress: nil, "The worker does not answer.")
        case .running:
            describe(&body, "running", progress: live.progress.percent, "The prompt is being executed.")
            body["current_node"] = live.progress.currentNode.map { .string($0) } ?? .null
            body["node_progress"] = percent(live.progress.currentShare * 100)
        default:
            describe(&body, "queued", progress: 0, "The prompt waits in the worker's queue.")
            body["position"] = live.position.map { .number(JSONNumber($0)) } ?? .null
        }
        return .object(body)
    }

    /// The answers about a job that has ended.
    static func finished(_ job: Job, workerName: String?, entry: JSON?, base: String) -> FinishedAnswer {
        var body = head(job, workerName: workerName)
        if job.state == .done {
            describe(&body, "done", progress: 100, "The prompt has finished.")
        } else {
            describe(&body, "failed", progress: nil, job.error ?? "The prompt failed.")
            if let nodeErrors = job.nodeErrors, nodeErrors != [:] { body["node_errors"] = nodeErrors }
        }
        var history: JSONObject = [:]
        if let entry {
            history[job.promptID] = OutputLinks.adding(to: entry, promptID: job.promptID, base: base)
            body["history"] = .object(history)
        }
        return FinishedAnswer(
            job: job, base: base, status: JSON.object(body).serialized(), history: JSON.object(history).serialized())
    }

    private static func head(_ job: Job, workerName: String?) -> JSONObject {
        [
            "prompt_id": .string(job.promptID), "worker_id": job.workerID.map { .string($0) } ?? .null,
            "worker_name": workerName.map { .string($0) } ?? .null,
        ]
    }

    private static func describe(_ body: inout JSONObject, _ status: String, progress: Double?, _ message: String) {
        body["status"] = .string(status)
        body["progress"] = progress.map { percent($0) } ?? .null
        body["message"] = .string(message)
    }

    /// A whole number, rounded down; the tracker keeps to 0…100.
    private static func percent(_ value: Double) -> JSON {
        .number(JSONNumber(Int(min(100, max(0, value.isNaN ? 0 : value)))))
    }
}
