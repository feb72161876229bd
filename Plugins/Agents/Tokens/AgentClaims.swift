import PluginAPI

/// What a token says: which agent, which task, what for, and until when.
struct AgentClaims: Sendable, Equatable {
    /// What a token is for.
    enum Scope: String, Sendable, CaseIterable {
        /// One task: its manifest and its reports.
        case task
        /// The agent: heartbeats and alerts.
        case agent
        /// A debug token: ownership is not looked at.
        case debug
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
            "agent_id": .string(agentID), "task_id": taskID.map { .string($0) } ?? .null,
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
    /// - Throws: ``HTTPError`` 401 `AGENT_TOKEN_EXPIRED`, `AGENT_TOKEN_PAYLOAD_INVALID`.
    init(_ claims: JSONObject, now: Timestamp?) throws(HTTPError) {
        guard let expiresAt = claims["exp"]?.intValue else { throw HTTPError(.payloadInvalid) }
        if let now, now.milliseconds >= Self.milliseconds(expiresAt) { throw HTTPError(.tokenExpired) }
        guard let agentID = claims["agent_id"]?.stringValue, !agentID.isEmpty,
            let scope = claims["scope"]?.stringValue.flatMap(Scope.init(rawValue:)), scope != .debug,
            let nonce = claims["nonce"]?.stringValue
        else { throw HTTPError(.payloadInvalid) }
        let taskID = claims["task_id"]?.stringValue
        guard scope == .agent || taskID != nil else { throw HTTPError(.payloadInvalid) }
        self.init(
            agentID: agentID, taskID: taskID, scope: scope, nonce: nonce,
            issuedAt: Int64(claims["iat"]?.intValue ?? 0), expiresAt: Int64(expiresAt))
    }

    private static func milliseconds(_ seconds: Int) -> Int64 {
        let (product, overflow) = Int64(seconds).multipliedReportingOverflow(by: 1000)
        return overflow ? (seconds < 0 ? .min : .max) : product
    }
}
