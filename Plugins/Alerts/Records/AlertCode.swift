import PluginAPI

/// The plugin's own codes; those of tokens and agents come from who knows agents.
enum AlertCode {
    /// The agent sends too much.
    static func rateLimited(_ wait: Duration) -> HTTPError {
        HTTPError(
            .tooManyRequests, "AGENT_ALERT_RATE_LIMITED", "The agent sends too many alerts; try again later.",
            headers: ["Retry-After": wait.retryAfter])
    }

    /// Nobody can tell who the agents are.
    static let agentsDisabled = HTTPError(
        .serviceUnavailable, "AGENTS_DISABLED", "This deployment knows no agents: the plugin agents is off.")

    /// No such row.
    static let notFound = HTTPError(.notFound, "ALERT_NOT_FOUND", "There is no such alert.")
}
