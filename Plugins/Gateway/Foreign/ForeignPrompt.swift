import ComfyUI
import PluginAPI

/// A prompt that a worker has and that did not come through this gateway, or is forgotten here.
struct ForeignPrompt: Sendable {
    /// Where it is.
    enum State: Sendable {
        /// In the worker's queue, at a place from 1.
        case pending(Int)
        /// The worker executes it.
        case running
        /// In the worker's history.
        case ended(HistoryEntry)
    }

    /// Its id.
    let promptID: String
    /// The worker.
    let workerID: String
    /// Where it is.
    let state: State

    /// Its result; `nil` while it is unfinished.
    var result: ForeignResult? {
        guard case .ended(let entry) = state else { return nil }
        return ForeignResult(promptID: promptID, workerID: workerID, entry)
    }

    /// As other plugins see it: nobody's.
    func job(on server: ComfyServer?) -> PromptJob {
        var job = PromptJob(promptID: promptID, state: .submitted, server: server)
        switch state {
        case .pending(let position): job.position = position
        case .running: job.state = .running
        case .ended(let entry):
            job.startedAt = entry.startedAt
            job.finishedAt = entry.finishedAt
            switch entry.outcome {
            case .success:
                job.state = .done
                job.progress = 100
            case .failure(let words):
                job.state = .failed
                job.message = words
            case .interrupted:
                job.state = .cancelled
                job.message = "interrupted"
            @unknown default: job.state = .failed
            }
        }
        return job
    }
}

/// An entry of a worker's history whose prompt did not come through this gateway.
struct ForeignResult: Sendable {
    /// Its id.
    let promptID: String
    /// The worker.
    let workerID: String
    /// When it ended; the beginning of time when the worker does not tell.
    let finishedAt: Timestamp
    /// The entry, without keys to paid services; the sender's client id stays.
    let text: [UInt8]

    /// Takes an entry.
    init(promptID: String, workerID: String, _ entry: HistoryEntry) {
        self.promptID = promptID
        self.workerID = workerID
        finishedAt = entry.finishedAt ?? Timestamp(milliseconds: 0)
        text = entry.text(promptID: promptID, clientID: entry.clientID)
    }

    /// The entry as a value; `nil` when it is no JSON.
    var json: JSON? {
        try? JSON(parsing: text, options: JSONParseOptions(allowsNonFiniteNumbers: true))
    }
}
