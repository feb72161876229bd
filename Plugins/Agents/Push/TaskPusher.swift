import PluginAPI

/// Brings tasks to agents (`spec/agents.md` §5); one push per task at a time, and nothing is held while the agent answers.
final class TaskPusher: Sendable {
    /// What came of a push that the agent answered.
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
                "pushStatus": status.map { .number(JSONNumber($0)) } ?? .null,
                "tokenExpiresAt": .string(tokenExpiresAt.iso8601),
            ]
        }
    }

    /// Pushes a task.
    ///
    /// - Throws: ``HTTPError`` in this order: 404 `AGENT_TASK_NOT_FOUND`, 409 `AGENT_TASK_FINISHED`, 409 `AGENT_TASK_EXPIRED`, 404
    ///   `AGENT_NOT_FOUND`, 403 `AGENT_NOT_ALLOWED`, 400 `AGENT_BASE_URL_MISSING`, 400 `AGENT_PUSH_TARGET_REFUSED`, 502
    ///   `AGENT_PUSH_FAILED`; ``DatabaseError``.
    func push(_ id: String) async throws -> Pushed {
        throw HTTPError(.pushFailed)
    }
}
