/// A job reached a final state.
public struct JobFinished: Event {
    /// `job.finished`.
    public static let name = "job.finished"
    /// The id.
    public var promptID: String
    /// The final state.
    public var state: JobState
    /// The server that ran it, if one did.
    public var serverID: String?
    /// Why it failed.
    public var message: String?

    /// Makes an event.
    public init(promptID: String, state: JobState, serverID: String? = nil, message: String? = nil) {
        self.promptID = promptID
        self.state = state
        self.serverID = serverID
        self.message = message
    }
}

/// A ComfyUI server became reachable or unreachable.
public struct ServerHealthChanged: Event {
    /// `server.health`.
    public static let name = "server.health"
    /// The server's id.
    public var serverID: String
    /// The server's name.
    public var serverName: String
    /// Whether it answers now.
    public var healthy: Bool
    /// Why not.
    public var reason: String?

    /// Makes an event.
    public init(serverID: String, serverName: String, healthy: Bool, reason: String? = nil) {
        self.serverID = serverID
        self.serverName = serverName
        self.healthy = healthy
        self.reason = reason
    }
}
