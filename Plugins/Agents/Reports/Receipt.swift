import PluginAPI

/// What an agent reports at the end of a task (`spec/agents.md` §6.4).
struct Receipt: Sendable {
    /// How a task ends.
    enum Outcome: String, Sendable {
        /// The agent did what it was told, as far as it says.
        case complete
        /// It did not.
        case failed
    }

    /// How the task ends.
    let outcome: Outcome
    /// What is kept of the body: all of it.
    let result: JSONObject
    /// Why it failed, in one line.
    let errorMessage: String?
    /// What of the task did not succeed, if the agent names anything.
    let failedItems: JSON?

    /// Checks a body.
    ///
    /// - Throws: ``HTTPError`` 422 with all that is wrong.
    init(_ body: JSONObject, _ outcome: Outcome) throws {
        var form = BodyForm(body.camelKeys)
        _ = form.string("summary")
        let reasons = ["errorCode", "message", "error"].map { form.string($0)?.trimmed ?? "" }
        try form.finish()
        self.outcome = outcome
        if let items = form.value("failedItems"), Self.names(items) { failedItems = items } else { failedItems = nil }
        switch outcome {
        case .complete:
            var result = body
            if let failedItems { result["failedItems"] = failedItems }
            self.result = result
            errorMessage = nil
        case .failed:
            result = Self.respelled(body)
            errorMessage = reasons.first { !$0.isEmpty }?.firstCodePoints(TaskEvent.longestMessage)
        }
    }

    /// Whether there is a name in lists of failed models, plugins and workflows.
    private static func names(_ items: JSON) -> Bool {
        if let list = items.arrayValue { return !list.isEmpty }
        return items.objectValue?.values.contains { $0.arrayValue?.isEmpty == false } ?? false
    }

    /// The keys that the protocol spells `error_code`, as the administrator's side shows them; all others as they came.
    private static func respelled(_ body: JSONObject) -> JSONObject {
        var object: JSONObject = [:]
        for (key, value) in body {
            let name = spellings[key] ?? key
            if name == key || !body.contains(name) { object[name] = value }
        }
        return object
    }

    private static let spellings = [
        "error_code": "errorCode", "failed_items": "failedItems", "task_id": "taskId", "agent_id": "agentId",
    ]
}
