import ComfyUI
import PluginAPI

/// Renders what is known of a job in the words of the gateway's surface (`spec/gateway.md` §4 and §5).
enum TaskAnswer {
    /// The answer about a job that has not ended.
    ///
    /// - Parameters:
    ///   - member: Its worker, if it has one.
    ///   - position: Its place, from 1, in the queue it waits in.
    static func open(_ live: LiveJob, worker member: WorkerPool.Member?, position: Int?) -> JSON {
        var body = head(live.job, workerName: member?.worker.name)
        let status = TaskStatus(live.job.state, isReachable: member?.health.isHealthy ?? true)
        describe(&body, status, progress: progress(live, status), message(live, status))
        switch status {
        case .running:
            body["current_node"] = JSON(live.progress.currentNode)
            body["node_progress"] = JSON(percent(live.progress.currentShare * 100))
        case .queued: body["position"] = JSON(position)
        default: break
        }
        return .object(body)
    }

    /// The answers about a job that has ended.
    static func finished(_ job: Job, workerName: String?, entry: JSON?, base: String) -> FinishedAnswer {
        var body = head(job, workerName: workerName)
        if job.state == .done {
            describe(&body, .done, progress: 100, "The prompt has finished.")
        } else {
            describe(&body, .failed, progress: nil, job.error ?? "The prompt failed.")
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

    /// The answer about a gateway job; its prompt id stays hidden until a worker has it, as in the seed.
    ///
    /// - Parameters:
    ///   - worker: Its worker, if it has one.
    ///   - position: Its place, from 1, in the gateway's queue.
    static func gatewayJob(_ job: Job, worker: WorkerPool.Member?, position: Int?) -> JSON {
        let word = TaskStatus.word(ofGatewayJob: job.state, worker: worker)
        let waits = word == TaskStatus.queued.rawValue
        var body: JSONObject = [
            "gateway_job_id": JSON(job.gatewayJobID), "status": .string(word),
            "prompt_id": waits ? .null : .string(job.promptID), "worker_id": waits ? .null : JSON(job.workerID),
            "priority": JSON(job.priority),
        ]
        if waits { body["position"] = JSON(position) }
        if let error = job.error { body["error"] = .string(error) }
        if let nodeErrors = job.nodeErrors, nodeErrors != [:] { body["node_errors"] = nodeErrors }
        return .object(body)
    }

    /// How far a job that has not ended is, 0…100; `nil` when nobody knows.
    static func progress(_ live: LiveJob, _ status: TaskStatus) -> Int? {
        switch status {
        case .running: percent(live.progress.percent)
        case .queued: 0
        default: nil
        }
    }

    private static func message(_ live: LiveJob, _ status: TaskStatus) -> String {
        switch (status, live.job.state) {
        case (.unknown, _): "The worker does not answer."
        case (.running, _): "The prompt is being executed."
        case (_, .queued): "The prompt waits in the gateway."
        case (_, .dispatching): "The prompt is being handed to a worker."
        default: "The prompt waits in the worker's queue."
        }
    }

    private static func head(_ job: Job, workerName: String?) -> JSONObject {
        ["prompt_id": .string(job.promptID), "worker_id": JSON(job.workerID), "worker_name": JSON(workerName)]
    }

    private static func describe(_ body: inout JSONObject, _ status: TaskStatus, progress: Int?, _ message: String) {
        body["status"] = .string(status.rawValue)
        body["progress"] = JSON(progress)
        body["message"] = .string(message)
    }

    /// A whole number, rounded down; the tracker keeps to 0…100.
    private static func percent(_ value: Double) -> Int {
        Int(min(100, max(0, value.isNaN ? 0 : value)))
    }
}
