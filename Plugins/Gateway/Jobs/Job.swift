import PluginAPI

/// A job as it stands on disk.
struct Job: Sendable {
    /// Its id towards callers and workers.
    var promptID: String
    /// Its second id, for callers that gave a priority.
    var gatewayJobID: String?
    /// The caller's WebSocket id.
    var clientID: String?
    /// Whose job it is, see ``JobCaller``.
    var caller: String
    /// Larger is earlier.
    var priority = 0
    /// Its place among its caller's waiting jobs of the same priority, smaller is earlier.
    var place = 0.0
    /// Its arrival number, ever growing.
    var sequence: Int64 = 0
    /// Its state.
    var state: JobState
    /// The worker that has it, or is to get it.
    var workerID: String?
    /// The worker's id of it, where the worker did not take ours.
    var workerPromptID: String?
    /// How often a worker may have worked on it.
    var attempts = 0
    /// Counts the times it was assigned to a worker; writes about an older assignment change nothing.
    var revision = 0
    /// The number of nodes of its graph.
    var nodeCount: Int
    /// Tells whether another submission of the same id is the same, see ``Fingerprint``.
    var fingerprint: String
    /// The number in the worker's queue, as the worker gave it.
    var number: JSON?
    /// Outputs the worker dropped.
    var nodeErrors: JSON?
    /// Why it ended badly.
    var error: String?
    /// When it was accepted.
    var createdAt: Timestamp
    /// When a worker took it.
    var submittedAt: Timestamp?
    /// When a worker began to execute it.
    var startedAt: Timestamp?
    /// When it ended.
    var finishedAt: Timestamp?

    /// The id to ask its worker for.
    var idOnWorker: String { workerPromptID ?? promptID }

    /// The answer to its submission: the worker's number, else the arrival number.
    var answer: SubmittedPrompt {
        var answer = SubmittedPrompt(
            promptID: promptID, number: number ?? .number(JSONNumber(Int(sequence))), nodeErrors: nodeErrors ?? [:])
        answer.gatewayJobID = gatewayJobID
        return answer
    }
}
