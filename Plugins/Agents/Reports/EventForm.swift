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
        message = form.requiredString("message").trimmed.firstCodePoints(TaskEvent.longestMessage)
        happenedAt = form.moment("eventTime")
        // What else an agent says of an event goes into its payload: seed 001 §4 shows `step` there.
        let given = form.object("payload")
        var payload = given ?? [:]
        for key in Self.words {
            if let text = form.text(key, longest: 255) { payload[key] = .string(text) }
        }
        for key in Self.numbers {
            if let value = form.number(key) { payload[key] = value }
        }
        self.payload = given == nil && payload.isEmpty ? nil : payload
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
