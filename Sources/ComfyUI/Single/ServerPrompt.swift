import PluginAPI

/// What is known of one prompt of the single server.
struct ServerPrompt: Sendable {
    /// How far its hand-over is.
    enum HandOver: Sendable {
        /// It is being sent.
        case sending
        /// It was sent, and whether the server has it is not known.
        case doubtful
        /// The server has it.
        case taken
    }

    /// Its id towards callers.
    let promptID: String
    /// The server's id of it; another one only on old servers.
    var idOnServer: String
    /// The caller's WebSocket id.
    let clientID: String?
    /// Whose it is; `nil` when it did not come through this backend.
    let caller: String?
    /// See ``Fingerprint``; empty when it did not come through this backend.
    let fingerprint: String
    /// When it was submitted.
    let createdAt: Timestamp?
    /// Counts the prompts in the order in which they became known.
    var sequence = 0

    var handOver: HandOver
    var state: JobState
    /// The number in the server's queue.
    var number: JSON?
    /// Outputs that the server dropped.
    var nodeErrors: JSON?
    var progress: ProgressTracker
    /// Its place in the server's queue, from 1, at the last reading.
    var position: Int?
    var startedAt: Timestamp?
    var finishedAt: Timestamp?
    /// Why it ended badly.
    var message: String?
    /// The history entry as it is shown, if it is still in memory.
    var entry: [UInt8]?

    /// When the server took it, as this process knows.
    var takenAt: Instant?
    /// Since when the server does not know it; `nil` while it does.
    var missingSince: Instant?
    /// Since when the server cannot tell its result; `nil` while it can.
    var unreadableSince: Instant?
    /// Whether its result is being fetched.
    var isCollecting = false
    /// Whether the server said that it has ended.
    var hasEnded = false
    /// Who wished its end.
    var cancelledBy: String?

    /// A prompt that is about to be sent.
    init(_ mark: PromptMark, nodeCount: Int) {
        self.init(mark, state: .dispatching, handOver: .sending, nodeCount: nodeCount)
    }

    /// A prompt of ours that the server has already.
    init(_ mark: PromptMark, idOnServer: String, state: JobState, nodeCount: Int) {
        self.init(mark, state: state, handOver: .taken, nodeCount: nodeCount)
        self.idOnServer = idOnServer
    }

    private init(_ mark: PromptMark, state: JobState, handOver: HandOver, nodeCount: Int) {
        promptID = mark.promptID
        idOnServer = mark.promptID
        clientID = mark.clientID
        caller = mark.caller
        fingerprint = mark.fingerprint
        createdAt = mark.createdAt
        self.state = state
        self.handOver = handOver
        progress = ProgressTracker(nodeCount: nodeCount)
    }

    /// A prompt that somebody else gave to the server.
    init(foreign promptID: String, clientID: String?, createdAt: Timestamp?, state: JobState, nodeCount: Int) {
        self.promptID = promptID
        idOnServer = promptID
        self.clientID = clientID
        self.createdAt = createdAt
        caller = nil
        fingerprint = ""
        self.state = state
        handOver = .taken
        progress = ProgressTracker(nodeCount: nodeCount)
    }

    /// Takes in how it ended.
    mutating func end(_ entry: HistoryEntry, shown: [UInt8]) {
        startedAt = entry.startedAt ?? startedAt
        finishedAt = entry.finishedAt ?? finishedAt
        self.entry = shown
        switch entry.outcome {
        case .success: state = .done
        case .failure(let words): (state, message) = (.failed, words)
        case .interrupted: (state, message) = (.cancelled, "interrupted")
        @unknown default: (state, message) = (.failed, "unknown outcome")
        }
    }

    /// The prompt as other plugins see it.
    func job(on server: ComfyServer) -> PromptJob {
        var job = PromptJob(
            promptID: promptID, state: state, server: server, progress: state == .done ? 100 : progress.percent,
            currentNode: state == .running ? progress.currentNode : nil, message: message)
        job.position = state == .submitted ? position : nil
        job.caller = caller
        job.clientID = clientID
        job.number = number
        job.nodeErrors = nodeErrors
        job.isEnding = hasEnded && !state.isFinal
        job.createdAt = createdAt
        job.startedAt = startedAt
        job.finishedAt = finishedAt
        return job
    }

    /// The answer to its submission.
    var answer: SubmittedPrompt {
        SubmittedPrompt(promptID: promptID, number: number ?? 0, nodeErrors: nodeErrors ?? [:])
    }
}
