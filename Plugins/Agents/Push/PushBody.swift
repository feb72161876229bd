import PluginAPI

/// What an agent is sent (`spec/agents.md` §5).
enum PushBody {
    /// The body of a push.
    static func json(of task: AgentTask, token: Secret) -> JSON {
        [
            "task_id": .string(task.id), "agent_id": .string(task.agentID),
            "manifest_url": JSON(task.manifestURL),
            "actions": .object(actions(task.actions)), "expires_at": .string(task.expiresAt.iso8601),
            "token": .string(token.withExposed { $0 }), "nonce": .string(task.nonce),
        ]
    }

    /// What is wanted, and of what agents know besides that it is not: they take a missing action for a wanted one.
    private static func actions(_ wanted: [String]) -> JSONObject {
        var object: JSONObject = [:]
        for action in AgentTask.knownActions { object[action] = .bool(wanted.contains(action)) }
        for action in wanted { object[action] = true }
        return object
    }
}
