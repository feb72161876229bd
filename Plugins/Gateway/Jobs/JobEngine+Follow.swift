import ComfyUI
import PluginAPI

extension JobEngine {
    /// Takes in an event of a worker; never waits, so that the worker's stream is always drained.
    ///
    /// - Returns: the id of a job that has ended now and whose result should be fetched.
    func handle(_ event: ComfyEvent, from workerID: String) -> String? {
        guard let named = event.message.promptID else { return nil }
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
        table.tell(promptID) { Self.relayed(event) }
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

    /// An event in the form for followers.
    private static func relayed(_ event: ComfyEvent) -> PromptEvent? {
        switch event.message {
        case .preview(let preview):
            .preview(nodeID: preview.nodeID, mimeType: preview.mimeType, image: preview.image)
        default:
            .message(type: event.type, data: event.data)
        }
    }

    /// A job as other plugins see it.
    func describe(_ live: LiveJob) -> PromptJob {
        PromptJob(
            promptID: live.job.promptID, state: live.job.state, server: live.job.workerID.flatMap { server($0) },
            progress: live.progress.percent, currentNode: live.progress.currentNode, message: live.job.error)
    }

    /// A record as other plugins see it.
    func describe(_ job: Job) -> PromptJob {
        PromptJob(
            promptID: job.promptID, state: job.state, server: job.workerID.flatMap { server($0) },
            progress: job.state == .done ? 100 : 0, message: job.error)
    }

    private func server(_ id: String) -> ComfyServer? {
        pool[id].map { ComfyServer($0) }
    }
}

extension ComfyServer {
    /// A worker as other plugins see it.
    init(_ member: WorkerPool.Member) {
        self.init(
            id: member.worker.id, name: member.worker.name, url: member.worker.url,
            enabled: member.worker.enabled && !member.worker.isRemoved, healthy: member.health.isHealthy)
    }
}
