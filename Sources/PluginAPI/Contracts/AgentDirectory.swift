extension CapabilityKey where Value == any AgentDirectory {
    /// Who the agents are and whether a request comes from one of them.
    public static var agentDirectory: CapabilityKey<any AgentDirectory> {
        CapabilityKey("agents.directory", version: 1)
    }
}

/// The agents, as other plugins see them (seed 001).
public protocol AgentDirectory: Sendable {
    /// Checks that a request comes from an agent that may speak for itself, in the order of `spec/agents.md` §2 and §6.6.
    ///
    /// - Parameters:
    ///   - request: Has the agent's token in `Authorization`.
    ///   - agentID: The agent that the path names.
    /// - Throws: ``HTTPError`` 401 `AGENT_TOKEN_…`, 403 `AGENT_TOKEN_SCOPE_INVALID`, 403 `AGENT_NOT_ALLOWED`, 404 `AGENT_NOT_FOUND`, 403
    ///   `AGENT_TOKEN_PAYLOAD_MISMATCH` for a revoked token, and those of its task for a token of a task; ``DatabaseError``.
    func authorise(_ request: Request, as agentID: String) async throws
    /// All agents and whether they are heard of, by id.
    ///
    /// - Throws: ``DatabaseError``.
    func presences() async throws -> [AgentPresence]
}

/// Whether an agent is heard of.
public struct AgentPresence: Sendable, Hashable, Codable {
    /// The agent's id.
    public var agentID: String
    /// Whether its heartbeats come; `nil` while that is not known: when there was none yet, or none since the daemon
    /// started and it is not silent for long enough.
    public var isOnline: Bool?
    /// The time of the last heartbeat.
    public var lastHeartbeatAt: Timestamp?

    /// Makes a presence.
    public init(agentID: String, isOnline: Bool?, lastHeartbeatAt: Timestamp?) {
        self.agentID = agentID
        self.isOnline = isOnline
        self.lastHeartbeatAt = lastHeartbeatAt
    }
}

/// An agent's heartbeats stopped, or came again.
public struct AgentPresenceChanged: Event {
    /// `agent.presence`.
    public static let name = "agent.presence"
    /// The agent as it is now.
    public var presence: AgentPresence
    /// When it was found out.
    public var at: Timestamp

    /// Makes an event.
    public init(presence: AgentPresence, at: Timestamp) {
        self.presence = presence
        self.at = at
    }
}
