import PluginAPI

extension AgentTask {
    /// Reads a row.
    init(_ row: Row) throws {
        let state: String = try row.get("state")
        guard let known = TaskState(rawValue: state) else {
            throw DatabaseError(.misuse, "a task has the state \"\(state)\"")
        }
        self.init(
            id: try row.get("id"), agentID: try row.get("agent_id"), manifestID: try row.optional("manifest_id"),
            manifestURL: try row.optional("manifest_url"),
            actions: (try JSON(parsing: row.get("actions", as: String.self)).arrayValue ?? []).compactMap(
                \.stringValue),
            expiresAt: try row.get("expires_at"), state: known, nonce: try row.get("nonce"),
            pushedAt: try row.optional("pushed_at"), startedAt: try row.optional("started_at"),
            finishedAt: try row.optional("finished_at"), result: try row.object("result"),
            errorMessage: try row.optional("error_message"), failedPushes: try row.get("failed_pushes"),
            nextPushAt: try row.optional("next_push_at"), createdAt: try row.get("created_at"),
            updatedAt: try row.get("updated_at"))
    }
}

extension TaskEvent {
    /// Reads a row.
    init(_ row: Row) throws {
        self.init(
            id: try row.get("id"), taskID: try row.get("task_id"), level: try row.get("level"),
            message: try row.get("message"),
            payload: try row.object("payload"),
            happenedAt: try row.optional("happened_at"), createdAt: try row.get("created_at"))
    }
}
