import PluginAPI

/// The body of a new task (`spec/agents.md` §4).
struct TaskForm: Sendable {
    /// The agent.
    let agentID: String
    /// The manifest, if any.
    let manifestID: Int64?
    /// Where the agent should fetch the manifest instead.
    let manifestURL: String?
    /// What the agent should do.
    let actions: [String]
    /// When its time is over; `nil` after the configured time.
    let expiresAt: Timestamp?
    /// The id the caller wishes.
    let taskID: String?

    private static let mostActions = 50

    /// Checks a body.
    ///
    /// - Throws: ``HTTPError`` 422 with all that is wrong.
    init(_ body: BodyForm) throws {
        var form = body
        agentID = form.requiredString("agentId")
        manifestID = form.integer("manifestId").map { Int64($0) }
        manifestURL = form.manifestURL("manifestUrl")
        actions = Self.actions(&form)
        expiresAt = form.moment("expiresAt")
        taskID = form.text("taskId", longest: 64)
        if let taskID, !PathName.isUsable(taskID) {
            form.reject("taskId", "Input should have no white space, none of / \\ ? # %, and not be dots alone")
        }
        try form.finish()
    }

    /// What is wrong when the task's time is over before it begins; `nil` when it is not.
    func lateness(at now: Timestamp) -> HTTPError? {
        guard let expiresAt, expiresAt <= now else { return nil }
        let words = "Input should be in the future"
        return BodyForm.refusal([
            BodyForm.problem("value_error", ["body", "expiresAt"], words, .string(expiresAt.iso8601))
        ])
    }

    /// A list of actions, or an object that says of each whether it is wanted.
    private static func actions(_ form: inout BodyForm) -> [String] {
        let given: [String]
        if let wanted = form.value("actions")?.objectValue {
            for (key, value) in wanted where value.boolValue == nil {
                form.reject("actions", "\(key) should be true or false")
            }
            given = wanted.filter { $0.value.boolValue == true }.map(\.key)
        } else {
            given = form.strings("actions") ?? []
        }
        var unique: [String] = []
        for action in given.map(\.trimmed) where !action.isEmpty && !unique.contains(action) {
            guard unique.count < mostActions, action.utf8.count <= 64 else {
                form.reject("actions", "List should have at most \(mostActions) items of 64 bytes")
                break
            }
            unique.append(action)
        }
        return unique
    }
}
