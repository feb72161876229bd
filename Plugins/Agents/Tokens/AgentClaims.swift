import PluginAPI

/// What a token says: which agent, which task, what for, and until when.
struct AgentClaims: Sendable, Equatable {
    /// What a token is for.
    enum Scope: String, Sendable {
        /// One task: its manifest and its reports.
        case task
        /// The agent: heartbeats and alerts.
        case agent
    }

    /// The agent.
    var agentID: String
    /// The task; `nil` in an agent's token.
    var taskID: String?
    /// What it is for.
    var scope: Scope
    /// The task's nonce; random in an agent's token.
    var nonce: String
    /// When it was made, in seconds since 1970.
    var issuedAt: Int64
    /// When it ends, in seconds since 1970.
    var expiresAt: Int64

    /// The claims of a token.
    var json: JSONObject {
        [
            "agent_id": .string(agentID), "task_id": JSON(taskID),
            "scope": .string(scope.rawValue), "nonce": .string(nonce), "iat": .number(JSONNumber(Int(issuedAt))),
            "exp": .number(JSONNumber(Int(expiresAt))),
        ]
    }

    /// Makes claims.
    init(agentID: String, taskID: String?, scope: Scope, nonce: String, issuedAt: Int64, expiresAt: Int64) {
        self.agentID = agentID
        self.taskID = taskID
        self.scope = scope
        self.nonce = nonce
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
    }

    /// Reads the claims of a token whose signature was checked.
    ///
    /// - Parameter now: What its end is compared with; `nil` reads a token whose time is over too.
    /// - Throws: ``HTTPError`` 401 `AGENT_TOKEN_EXPIRED`, `AGENT_TOKEN_PAYLOAD_INVALID`, 403 `AGENT_TOKEN_SCOPE_INVALID` for a scope
    ///   that there is not.
    init(_ claims: JSONObject, now: Timestamp?) throws(HTTPError) {
        guard let expiresAt = claims["exp"]?.intValue else { throw HTTPError(.payloadInvalid) }
        if let now, now.milliseconds >= Self.milliseconds(expiresAt) { throw HTTPError(.tokenExpired) }
        guard let agentID = claims["agent_id"]?.stringValue, !agentID.isEmpty,
            let word = claims["scope"]?.stringValue, let nonce = claims["nonce"]?.stringValue
        else { throw HTTPError(.payloadInvalid) }
        guard let scope = Scope(rawValue: word) else { throw HTTPError(.scopeInvalid) }
        let taskID = try Self.optional(claims["task_id"], \.stringValue)
        let issuedAt = try Self.optional(claims["iat"], \.intValue)
        guard scope == .agent || taskID != nil else { throw HTTPError(.payloadInvalid) }
        self.init(
            agentID: agentID, taskID: taskID, scope: scope, nonce: nonce, issuedAt: Int64(issuedAt ?? 0),
            expiresAt: Int64(expiresAt))
    }

    /// A claim that may be absent or null, but not of another type: `"task_id": 7` must not make a token of no task.
    private static func optional<T>(_ claim: JSON?, _ value: KeyPath<JSON, T?>) throws(HTTPError) -> T? {
        guard let claim, !claim.isNull else { return nil }
        guard let found = claim[keyPath: value] else { throw HTTPError(.payloadInvalid) }
        return found
    }

    private static func milliseconds(_ seconds: Int) -> Int64 {
        let (product, overflow) = Int64(seconds).multipliedReportingOverflow(by: 1000)
        return overflow ? (seconds < 0 ? .min : .max) : product
    }

    /// Whether it can be a token of this agent, and not of a deleted one that had its id.
    ///
    /// A token of a task ends with its task, which is deleted with the agent.
    func isOwn(of agent: AgentRecord) -> Bool {
        scope != .agent || issuedAt >= agent.createdAt.milliseconds / 1000
    }
}
