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

    /// The longest message in characters; longer ones are cut.
    static let longestMessage = 4096

    /// A message that is no longer than it may be.
    static func cut(_ message: String) -> String {
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: message.unicodeScalars.prefix(longestMessage))
        return String(scalars)
    }

    /// The event as it is answered.
    var json: JSON {
        [
            "id": .number(JSONNumber(Int(id))), "taskId": .string(taskID), "level": .string(level),
            "message": .string(message), "payload": payload.map { .object($0) } ?? .null,
            "step": payload?["step"] ?? .null, "progress": payload?["progress"] ?? .null,
            "eventTime": happenedAt.map { .string($0.iso8601) } ?? .null, "created_at": .string(createdAt.iso8601),
        ]
    }
}
