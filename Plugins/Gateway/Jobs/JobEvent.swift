import PluginAPI

/// One line of a job's story: a transition, who caused it and why; never changed once written.
struct JobEvent: Sendable {
    /// The job.
    let promptID: String
    /// When it happened.
    let at: Timestamp
    /// The state it led to.
    let state: JobState
    /// The worker concerned.
    let workerID: String?
    /// Who and why.
    let cause: JobCause
}

/// Who moved a job, and why.
struct JobCause: Sendable {
    /// `gateway`, `worker`, `admin`, or a caller such as `key:…`, `client:…`, `address:…`.
    let actor: String
    /// Why, in words for people.
    let reason: String
    /// Facts about it, such as the candidates of a choice.
    var details: JSON?

    /// The gateway decided.
    static func gateway(_ reason: String, details: JSON? = nil) -> JobCause {
        JobCause(actor: "gateway", reason: reason, details: details)
    }

    /// A worker said so.
    static func worker(_ reason: String) -> JobCause {
        JobCause(actor: "worker", reason: reason)
    }
}

extension JobEvent {
    /// The event of a job that is in its new state already.
    init(_ job: Job, at time: Timestamp, _ cause: JobCause) {
        self.init(promptID: job.promptID, at: time, state: job.state, workerID: job.workerID, cause: cause)
    }
}

/// A worker that may still have a job which was taken from it.
struct JobCopy: Sendable, Hashable {
    /// The job.
    let promptID: String
    /// The worker.
    let workerID: String
    /// The job's id there.
    let idOnWorker: String
}

extension JobCopy {
    /// The copy of a job on the worker that has it; `nil` when none has it.
    init?(_ job: Job) {
        guard let workerID = job.workerID else { return nil }
        self.init(promptID: job.promptID, workerID: workerID, idOnWorker: job.idOnWorker)
    }
}
