import ComfyUI
import PluginAPI

extension JobEngine {
    /// Takes in an event of a worker; never waits, so that the worker's stream is always drained.
    ///
    /// - Returns: the id of a job that has ended now and whose result should be fetched.
    func handle(_ event: ComfyEvent, from workerID: String) -> String? {
        guard let named = event.promptID else { return nil }
        let promptID = table.ownID(of: named)
        let isEnd = event.message.endsPrompt
        let ended: Bool? =
            table.update(promptID) { live -> Bool? in
                guard live.job.workerID == workerID else { return nil }
                live.progress.apply(event.message)
                live.missingSince = nil
                if case .executionError(_, let words) = event.message { live.failure = words }
                guard isEnd else { return false }
                live.hasEnded = true
                defer { live.isCollecting = true }
                return !live.isCollecting
            } ?? nil
        guard let ended else { return nil }
        if !isEnd, event.message.showsExecution { started(promptID, on: workerID, .worker("executes it")) }
        table.tell(promptID) { Self.relayed(event, promptID) }
        return ended ? promptID : nil
    }

    /// A worker began to execute a job.
    func started(_ promptID: String, on workerID: String, _ cause: JobCause) {
        let time = context.clock.wallClock
        move(promptID, to: .running, cause) { live in
            guard live.job.workerID == workerID else { return false }
            live.position = nil
            live.job.startedAt = time
            setDeadline(&live, executedSince: time)
            return true
        }
    }

    /// An event in the form for followers, with our id of the job.
    private static func relayed(_ event: ComfyEvent, _ promptID: String) -> PromptEvent? {
        switch event.message {
        case .preview(let preview):
            return .preview(nodeID: preview.nodeID, mimeType: preview.mimeType, image: preview.image)
        default:
            guard event.promptID != promptID, var data = event.data.objectValue else {
                return .message(type: event.type, data: event.data)
            }
            data["prompt_id"] = .string(promptID)
            return .message(type: event.type, data: .object(data))
        }
    }

    /// A job as other plugins see it.
    func describe(_ live: LiveJob) -> PromptJob {
        describe(live, position: position(of: live))
    }

    /// Jobs as other plugins see them.
    ///
    /// Of many, the places in our queue are counted once for all.
    func describe(_ jobs: [LiveJob]) -> [PromptJob] {
        guard jobs.count > 16 else { return jobs.map { describe($0) } }
        var places: [String: Int] = [:]
        for (index, entry) in waiting.list().enumerated() { places[entry.promptID] = index + 1 }
        return jobs.map { live in
            describe(live, position: live.job.state == .queued ? places[live.job.promptID] : position(of: live))
        }
    }

    private func describe(_ live: LiveJob, position: Int?) -> PromptJob {
        var job = describe(live.job)
        job.progress = live.progress.percent
        job.currentNode = live.progress.currentNode
        job.position = position
        job.isEnding = live.hasEnded
        return job
    }

    /// A record as other plugins see it.
    func describe(_ job: Job) -> PromptJob {
        var described = PromptJob(
            promptID: job.promptID, state: job.state, server: job.workerID.flatMap { server($0) },
            progress: job.state == .done ? 100 : 0, message: job.error)
        described.priority = job.priority
        described.caller = job.caller
        described.clientID = job.clientID
        described.number = job.number
        described.nodeErrors = job.nodeErrors == [:] ? nil : job.nodeErrors
        described.createdAt = job.createdAt
        described.startedAt = job.startedAt
        described.finishedAt = job.finishedAt
        return described
    }

    /// Its place, from 1, in the queue it waits in: ours, or its worker's as far as known.
    func position(of live: LiveJob) -> Int? {
        switch live.job.state {
        case .queued: waiting.position(of: live.job.promptID)
        case .submitted: live.position
        default: nil
        }
    }

    private func server(_ id: String) -> ComfyServer? {
        pool[id].map { ComfyServer($0) }
    }
}

extension ComfyServer {
    /// A worker as other plugins see it.
    init(_ member: WorkerPool.Member) {
        self.init(member.worker, isHealthy: member.health.isHealthy)
    }

    /// A worker as other plugins see it.
    init(_ worker: Worker, isHealthy: Bool = true) {
        self.init(id: worker.id, name: worker.name, url: worker.url, enabled: worker.isInUse, healthy: isHealthy)
    }
}
