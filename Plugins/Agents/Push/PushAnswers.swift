import PluginAPI

extension TaskPusher {
    /// What came of a push that is no error.
    struct Pushed: Sendable {
        /// The task as it is now.
        var task: AgentTask
        /// The status of the agent's answer; `nil` when it gave none, but works on the task.
        var status: Int?
        /// When the token that it was given ends.
        var tokenExpiresAt: Timestamp

        /// The answer to `POST /tasks/{id}/push`.
        var json: JSON {
            [
                "taskId": .string(task.id), "agentId": .string(task.agentID), "status": .string(task.state.rawValue),
                "pushStatus": JSON(status),
                "tokenExpiresAt": .string(tokenExpiresAt.iso8601),
            ]
        }
    }
}

extension HTTPError {
    /// An error of a push, with what the caller has to know of the task.
    init(_ code: AgentCode, of task: AgentTask, _ outcome: PushOutcome) {
        self = HTTPError(code).with(task, ["pushStatus": JSON(outcome.status?.code)])
        if let words = outcome.words { message = words }
    }

    /// The error with a task's id and state: the task exists although it was not pushed.
    func with(_ task: AgentTask, _ more: JSONObject = [:]) -> HTTPError {
        var facts: JSONObject = [
            "taskId": .string(task.id), "agentId": .string(task.agentID), "status": .string(task.state.rawValue),
        ]
        for (key, value) in more { facts[key] = value }
        var error = self
        error.details = .object(facts)
        return error
    }
}
