import ComfyUI
import PluginAPI

/// A job that has not ended, with what is known of it beside the record on disk.
struct LiveJob: Sendable {
    /// The record.
    var job: Job
    /// Its progress; starts with its execution.
    var progress: ProgressTracker
    /// Whether this process is handing it to a worker right now.
    var isSending = false
    /// Whether nothing takes it back any more: it is on disk, and waits or is with a worker.
    ///
    /// Then its client's followers learn of it.
    var isAccepted: Bool
    /// Whether its result is being fetched.
    var isCollecting = false
    /// Its place in its worker's queue, from 1, at the last reading.
    var position: Int?
    /// When its worker took it, as this process knows; `nil` after a restart.
    var takenAt: Instant?
    /// Since when its worker does not know it; `nil` while it does.
    var missingSince: Instant?
    /// Since when its worker cannot tell its result; `nil` while it can.
    var unreadableSince: Instant?
    /// Who wished to interrupt it.
    var cancelledBy: String?
    /// The words of an `execution_error` seen.
    var failure: String?
    /// Whether its worker said that it has ended; its result may not be here yet.
    var hasEnded = false
    /// Whether its worker cannot have worked on it, because another job of ours came before it when the worker was lost.
    var isUntouched = false
    /// When it must have ended, by the monotonic clock.
    var deadline: Instant?
    /// The worker that lost it last, and until when another one is preferred.
    var avoided: (workerID: String, until: Instant)?
    /// The workers where a copy of it was interrupted that was no longer its own.
    var interruptedOn: Set<String> = []
    /// The workers that broke down over it.
    var brokeDownOn: Set<String> = []
    /// Since when no worker can be given its input files.
    var unplacedSince: Instant?

    /// Starts with a record; one that is being sent is new, and not accepted yet.
    init(_ job: Job, isSending: Bool = false) {
        self.job = job
        self.isSending = isSending
        isAccepted = !isSending
        progress = ProgressTracker(nodeCount: job.nodeCount)
    }

    /// Forgets what belongs to one worker.
    mutating func leaveWorker() {
        progress = ProgressTracker(nodeCount: job.nodeCount)
        position = nil
        takenAt = nil
        missingSince = nil
        unreadableSince = nil
        isCollecting = false
        failure = nil
        hasEnded = false
        isUntouched = false
        deadline = nil
        job.workerPromptID = nil
        job.submittedAt = nil
        job.startedAt = nil
    }
}
