public import PluginAPI

/// The answer of `GET /queue`; items of an unknown form are left out.
public struct QueueSnapshot: Sendable {
    /// What runs; at most one on a stock server.
    public let running: [QueueItem]
    /// What waits, in the order in which it will run: the server itself gives a heap.
    public let pending: [QueueItem]

    /// Reads an answer.
    public init(_ body: JSON) {
        running = Self.items(body["queue_running"])
        pending = Self.items(body["queue_pending"]).sorted { $0.precedes($1) }
    }

    /// How many prompts run or wait.
    public var count: Int { running.count + pending.count }

    private static func items(_ value: JSON?) -> [QueueItem] {
        (value?.arrayValue ?? []).compactMap { QueueItem($0) }
    }
}

/// An item of a queue: `[number, prompt_id, graph, extra_data, outputs_to_execute]`.
public struct QueueItem: Sendable {
    /// The prompt's id.
    public let promptID: String
    /// The place in the queue, lower first; 0 when it is no number.
    public let number: Double
    /// The whole item, as it came.
    public let raw: JSON

    /// Reads an item; `nil` when it has no id at its place.
    public init?(_ raw: JSON) {
        guard let promptID = raw[1]?.stringValue else { return nil }
        self.promptID = promptID
        self.raw = raw
        let value = raw[0]?.doubleValue ?? 0
        number = value.isNaN ? 0 : value
    }

    /// Whether it runs before another one: by number, then by the text of the id, as the server's heap compares.
    public func precedes(_ other: QueueItem) -> Bool {
        QueueKey(number: number, promptID: promptID)
            .precedes(QueueKey(number: other.number, promptID: other.promptID))
    }
}
