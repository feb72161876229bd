import PluginAPI

/// The answer of `GET /api/v1/queue/status`.
struct QueueStatus: Sendable {
    private let queue: PromptQueue
    private let own: String?

    /// Takes a queue.
    ///
    /// - Parameter own: The one caller whose prompts are shown; `nil` for all.
    init(_ queue: PromptQueue, of own: String?) {
        self.queue = queue
        self.own = own
    }

    /// `{"queue_running", "queue_pending", "running_count", "pending_count"}`, and `unreachable` when servers are missing.
    var json: JSON {
        var answer: JSONObject = [
            "queue_running": .array(queue.running.filter(isShown).map { .object(Self.item($0)) }),
            "queue_pending": .array(pending), "running_count": .number(JSONNumber(queue.running.count)),
            "pending_count": .number(JSONNumber(queue.pending.count)),
        ]
        if !queue.unreachable.isEmpty { answer["unreachable"] = .array(queue.unreachable.map { .string($0.id) }) }
        return .object(answer)
    }

    private var pending: [JSON] {
        queue.pending.enumerated().compactMap { index, prompt in
            guard isShown(prompt) else { return nil }
            var item = Self.item(prompt)
            item["position"] = .number(JSONNumber(index + 1))
            return .object(item)
        }
    }

    private func isShown(_ prompt: QueuedPrompt) -> Bool {
        own == nil || own == prompt.caller
    }

    private static func item(_ prompt: QueuedPrompt) -> JSONObject {
        [
            "prompt_id": .string(prompt.promptID), "number": prompt.number,
            "timestamp": .number(JSONNumber(seconds(prompt))),
            "worker_id": prompt.server.map { .string($0.id) } ?? .null,
        ]
    }

    /// When the prompt was submitted, in seconds since 1970: what its submitter said, else the daemon's own record, else 0.
    private static func seconds(_ prompt: QueuedPrompt) -> Int {
        let told = prompt.item[3]?["create_time"]?.intValue
        return (told ?? prompt.createdAt.map { Int($0.milliseconds) } ?? 0) / 1000
    }

    /// The JSON schema of ``json``.
    static var schema: JSON {
        let item: JSON = [
            "type": "object", "required": ["prompt_id", "number", "timestamp", "worker_id"],
            "properties": [
                "prompt_id": ["type": "string"], "number": ["type": "number"], "timestamp": ["type": "integer"],
                "worker_id": ["type": ["string", "null"]], "position": ["type": "integer"],
            ],
        ]
        return [
            "type": "object", "required": ["queue_running", "queue_pending", "running_count", "pending_count"],
            "properties": [
                "queue_running": ["type": "array", "items": item], "queue_pending": ["type": "array", "items": item],
                "running_count": ["type": "integer"], "pending_count": ["type": "integer"],
                "unreachable": ["type": "array", "items": ["type": "string"]],
            ],
        ]
    }
}
