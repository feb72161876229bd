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

    /// ComfyUI's history entry, without keys to paid services; `nil` while it is unfinished.
    var history: JSON? {
        guard case .ended(let entry) = state else { return nil }
        return ForeignEntry.cleaned(entry.json)
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
struct ForeignEntry: Sendable {
    /// Its id.
    let promptID: String
    /// The worker.
    let workerID: String
    /// When it ended; the beginning of time when the worker does not tell.
    let finishedAt: Timestamp
    /// The entry as it came.
    let text: [UInt8]

    /// The entry without keys to paid services; `nil` when it is no JSON.
    var json: JSON? {
        (try? JSON(parsing: text, options: JSONParseOptions(allowsNonFiniteNumbers: true))).map(Self.cleaned)
    }

    /// An entry without keys to paid services; the sender's client id stays.
    static func cleaned(_ entry: JSON) -> JSON {
        guard var prompt = entry["prompt"]?.arrayValue, prompt.count > 3, var extra = prompt[3].objectValue else {
            return entry
        }
        extra.hidePrivateKeys(clientID: extra["client_id"]?.stringValue)
        prompt[3] = .object(extra)
        var entry = entry
        entry["prompt"] = .array(prompt)
        return entry
    }
}
