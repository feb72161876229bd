import PluginAPI

/// What each agent may send in a minute.
struct RateLimit: Sendable {
    private let limiter: TokenBuckets

    /// Makes a limit.
    init(perMinute: Int, clock: any TimeSource) {
        limiter = TokenBuckets(perMinute: perMinute, clock: clock)
    }

    /// Counts a request of an agent.
    ///
    /// - Throws: ``HTTPError`` 429 `AGENT_RATE_LIMITED` with `Retry-After`.
    func count(_ agentID: String) throws(HTTPError) {
        guard let wait = limiter.take(agentID) else { return }
        var error = HTTPError(.rateLimited)
        error.headers["Retry-After"] = wait.retryAfter
        throw error
    }

    /// Forgets an agent.
    func forget(_ agentID: String) {
        limiter.forget(agentID)
    }
}
