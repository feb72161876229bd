internal import PluginAPI

/// The state of every node touched so far, as `progress_state` repeats it.
struct ProgressBoard: Sendable {
    private struct Entry {
        var value: JSONNumber
        var maximum: JSONNumber
        var isFinished = false
        var parent: String?
    }

    private let promptID: String
    private var order: [String] = []
    private var entries: [String: Entry] = [:]

    init(promptID: String) {
        self.promptID = promptID
    }

    /// Marks a node as running; `parent` is the node that it is a part of.
    mutating func start(_ id: String, parent: String? = nil) {
        if entries[id] == nil { order.append(id) }
        entries[id] = Entry(value: 0.0, maximum: 1.0, parent: parent)
    }

    /// Notes a step.
    mutating func update(_ id: String, value: Int, maximum: Int) {
        entries[id]?.value = JSONNumber(value)
        entries[id]?.maximum = JSONNumber(maximum)
    }

    /// Marks a node as finished; one that never started came from the cache.
    mutating func finish(_ id: String) {
        if entries[id] == nil {
            order.append(id)
            entries[id] = Entry(value: 1, maximum: 1)
        }
        guard let maximum = entries[id]?.maximum else { return }
        entries[id]?.value = maximum
        entries[id]?.isFinished = true
    }

    /// The data of the message.
    var data: JSON {
        let nodes = order.compactMap { id in entries[id].map { (id, self.node(id, $0)) } }
        return ["prompt_id": .string(promptID), "nodes": .object(JSONObject(nodes))]
    }

    private func node(_ id: String, _ entry: Entry) -> JSON {
        let shown = JSON.string(entry.parent ?? id)
        return [
            "value": .number(entry.value), "max": .number(entry.maximum),
            "state": entry.isFinished ? "finished" : "running", "node_id": .string(id), "prompt_id": .string(promptID),
            "display_node_id": shown, "parent_node_id": entry.parent.map { .string($0) } ?? .null,
            "real_node_id": shown,
        ]
    }
}
