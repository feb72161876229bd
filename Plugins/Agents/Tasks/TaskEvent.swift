import PluginAPI

/// What an agent told about a task, or the daemon noted of it (`spec/agents.md` §6.3).
struct TaskEvent: Sendable, Equatable {
    /// The number it was given; 0 before it is stored.
    var id: Int64 = 0
    /// The task.
    let taskID: String
    /// `info`, `warn` or `error`, or the agent's word.
    var level = "info"
    /// The message, at most ``longestMessage`` characters.
    var message: String
    /// Everything else; `step` and `progress` too.
    var payload: JSONObject?
    /// When it happened, as the agent says.
    var happenedAt: Timestamp?
    /// When it was stored.
    let createdAt: Timestamp

    /// The longest message in characters (code points); longer ones are cut.
    static let longestMessage = 4096

    /// The event as it is answered.
    var json: JSON {
        [
            "id": JSON(id), "taskId": .string(taskID), "level": .string(level),
            "message": .string(message), "payload": JSON(payload),
            "step": payload?["step"] ?? .null, "progress": payload?["progress"] ?? .null,
            "eventTime": JSON(happenedAt), "created_at": .string(createdAt.iso8601),
        ]
    }
}
