import ComfyUI
import PluginAPI

/// The words of `GET /api/task_status/{prompt_id}` (`spec/workflows.md` A4, `spec/errors.md` §5).
enum TaskWord: String, CaseIterable {
    /// It waits, here or in a server's queue.
    case pending
    /// A server works on it.
    case running
    /// It ended well; its files are named.
    case completed
    /// It ended, and its result is not here yet.
    case processing
    /// It was never seen.
    case notFound = "not_found"
    /// Its server does not answer.
    case unknown
    /// It ended otherwise.
    case error

    /// The word for what is known of a prompt.
    init(_ job: PromptJob?) {
        guard let job else {
            self = .notFound
            return
        }
        switch job.state {
        case .done: self = .completed
        case .failed, .cancelled, .lost: self = .error
        case .submitted, .running:
            if job.server?.healthy == false {
                self = .unknown
            } else if job.isEnding {
                self = .processing
            } else {
                self = job.state == .running ? .running : .pending
            }
        default: self = .pending
        }
    }

    /// The sentence that goes with it; of an error the reason.
    var message: String {
        switch self {
        case .pending: "Task is waiting in queue"
        case .running: "Task is currently running"
        case .completed: "Image generation completed"
        case .processing: "Task has ended, its result is being fetched"
        case .notFound: "Task not found"
        case .unknown: "The ComfyUI server of the task does not answer"
        case .error: "Task failed"
        }
    }
}

/// What a prompt's answers are made of.
struct TaskAnswer: Sendable {
    /// What is known of it.
    let job: PromptJob
    /// Its result, once there is one.
    var history: JSON?

    /// Seconds of execution: what the server noted in the result, else what was seen of it, up to now while it runs.
    func executionTime(now: Timestamp) -> JSON {
        let entry = history.map { HistoryEntry($0) }
        guard let start = entry?.startedAt ?? job.startedAt else { return 0.0 }
        let end = entry?.finishedAt ?? job.finishedAt ?? now
        let (elapsed, overflow) = end.milliseconds.subtractingReportingOverflow(start.milliseconds)
        return .number(JSONNumber(overflow ? 0 : Double(max(0, elapsed)) / 1000))
    }

    /// Why it did not end well.
    var reason: String {
        if let message = job.message, !message.isEmpty { return message }
        switch history.map({ HistoryEntry($0).outcome }) {
        case .failure(let words): return words
        case .interrupted: return "Task was interrupted"
        default: return job.state == .cancelled ? "Task was cancelled" : TaskWord.error.message
        }
    }

    /// `images`, and `videos` and `audio` where there are any: the files of all nodes in their order.
    func files(_ promptID: String, links: FileLinks) -> JSONObject {
        var lists: [String: [JSON]] = [:]
        for file in history.map(OutputFile.list(of:)) ?? [] {
            guard let name = Self.list(of: file.kind) else { continue }
            lists[name, default: []].append(
                .object(links.json(file.reference, promptID: promptID, server: job.server)))
        }
        var body: JSONObject = ["images": .array(lists["images"] ?? [])]
        for name in ["videos", "audio"] { body[name] = lists[name].map { .array($0) } }
        return body
    }

    private static func list(of kind: String) -> String? {
        switch kind {
        case "images": "images"
        case "gifs", "videos", "video": "videos"
        case "audio": "audio"
        default: nil
        }
    }

    /// `execution_info` of a running prompt.
    ///
    /// - Parameter queued: Its item in ComfyUI's queue, if that could be read.
    func executionInfo(_ queued: QueuedPrompt?) -> JSON {
        let extra = queued?.item[3]?.objectValue, outputs = queued?.item[4]?.arrayValue
        return [
            "number": job.number ?? queued?.number ?? .null, "prompt_id": .string(job.promptID),
            "extra_data": .object(extra ?? [:]), "outputs_to_execute": .array(outputs ?? []),
            "worker_id": job.server.map { .string($0.id) } ?? .null,
            "progress": .number(JSONNumber(exactly: job.progress) ?? 0),
            "node": job.currentNode.map { .string($0) } ?? .null,
        ]
    }
}
