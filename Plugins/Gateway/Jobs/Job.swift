import PluginAPI

/// A job as it stands on disk.
struct Job: Sendable {
    /// Its id towards callers.
    var promptID: String
    /// The caller's WebSocket id.
    var clientID: String?
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
    /// When it ended.
    var finishedAt: Timestamp?

    /// The id to ask its worker for.
    var idOnWorker: String { workerPromptID ?? promptID }

    /// The answer to its submission.
    var answer: SubmittedPrompt {
        SubmittedPrompt(promptID: promptID, number: number ?? 0, nodeErrors: nodeErrors ?? [:])
    }
}
