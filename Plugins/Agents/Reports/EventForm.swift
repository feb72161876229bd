import PluginAPI

/// The body of an event (`spec/agents.md` §6.3).
struct EventForm: Sendable {
    private let level: String
    private let message: String
    private let payload: JSONObject?
    private let happenedAt: Timestamp?

    /// Checks a body whose keys are spelled `eventTime`.
    ///
    /// - Throws: ``HTTPError`` 422 with all that is wrong.
    init(_ body: BodyForm) throws {
        var form = body
        level = form.text("level", longest: 32) ?? "info"
        message = TaskEvent.cut(form.requiredString("message").trimmed)
        happenedAt = form.moment("eventTime")
        // What else an agent says of an event goes into its payload: seed 001 §4 shows `step` there.
        var payload = form.object("payload")
        for key in Self.words {
            guard let text = form.text(key, longest: 255) else { continue }
            payload = payload ?? [:]
            payload?[key] = .string(text)
        }
        for key in Self.numbers {
            guard let value = form.value(key), !value.isNull else { continue }
            guard value.doubleValue != nil else {
                form.reject(key, "Input should be a valid number")
                continue
            }
            payload = payload ?? [:]
            payload?[key] = value
        }
        self.payload = payload
        try form.finish()
    }

    private static let words = ["step", "stage", "provider", "nodeId", "traceId"]
    private static let numbers = ["progress", "retryCount"]

    /// The event of a task.
    func event(of taskID: String, at time: Timestamp) -> TaskEvent {
        TaskEvent(
            taskID: taskID, level: level, message: message, payload: payload, happenedAt: happenedAt, createdAt: time)
    }
}
