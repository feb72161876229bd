import PluginAPI

/// A task of an agent (`spec/agents.md` §4).
struct AgentTask: Sendable, Equatable {
    /// What agents know to do; all are told explicitly, because an agent takes a missing one for true.
    static let knownActions = ["sync_models", "sync_plugins", "sync_workflows", "restart", "sync_comfyui"]

    /// The id.
    let id: String
    /// The agent.
    let agentID: String
    /// The manifest, if any.
    let manifestID: Int64?
    /// Where the agent fetches the manifest.
    let manifestURL: String?
    /// What the agent should do.
    let actions: [String]
    /// When its time is over.
    let expiresAt: Timestamp
    /// Where it is.
    var state = TaskState.pending
    /// What each of its tokens carries; another one revokes them.
    var nonce: String
    /// When it was last pushed.
    var pushedAt: Timestamp?
    /// When the agent began.
    var startedAt: Timestamp?
    /// When it ended.
    var finishedAt: Timestamp?
    /// What the agent reported at the end.
    var result: JSONObject?
    /// Why it failed, or why the last push did.
    var errorMessage: String?
    /// How many pushes failed in a row.
    var failedPushes = 0
    /// When it is pushed again by itself; `nil` for never.
    var nextPushAt: Timestamp?
    /// When it was made.
    let createdAt: Timestamp
    /// When it was changed.
    var updatedAt: Timestamp

    /// Nothing of the last push counts any more: the agent works, or the task has ended.
    mutating func pushIsOver() {
        errorMessage = nil
        failedPushes = 0
        nextPushAt = nil
    }

    /// The task as it is answered.
    var json: JSONObject {
        let words = JSON.array(actions.map { .string($0) })
        return [
            "id": .string(id), "agentId": .string(agentID),
            "manifestId": JSON(manifestID), "manifestUrl": JSON(manifestURL),
            "actions": words, "expiresAt": .string(expiresAt.iso8601), "status": .string(state.rawValue),
            "tokenNonce": .string(nonce), "pushedAt": JSON(pushedAt), "startedAt": JSON(startedAt),
            "finishedAt": JSON(finishedAt),
            "requestPayload": [
                "agent_id": .string(agentID), "manifest_url": JSON(manifestURL), "actions": words,
                "expires_at": .string(expiresAt.iso8601),
            ],
            "resultPayload": JSON(result), "errorMessage": JSON(errorMessage),
            "created_at": .string(createdAt.iso8601), "updated_at": .string(updatedAt.iso8601),
            "submitStatus": .string(submitStatus), "callbackStatus": .string(callbackStatus),
            "finalStatus": .string(finalStatus), "errorCode": JSON(result?["errorCode"]?.stringValue),
        ]
    }

    private var submitStatus: String {
        switch state {
        // While the first push is under way nothing came of it yet.
        case .pending: pushedAt == nil || errorMessage == nil ? "pending" : "submit_failed"
        case .running, .success: "submitted"
        case .failed, .rejected: startedAt != nil || finishedAt != nil ? "submitted" : "submit_failed"
        }
    }

    private var callbackStatus: String {
        switch state {
        case .pending: "waiting"
        case .running: "running"
        case .success: "success"
        case .failed, .rejected: "failed"
        }
    }

    private var finalStatus: String {
        state == .rejected ? "canceled" : state.rawValue
    }
}
