/// What an operator may set about answering requests.
package struct RouterOptions: Sendable {
    /// Which web pages may read answers.
    package var cors = CORSPolicy()
    /// Whose word about their clients is believed.
    package var trustedProxies = TrustedProxies()
    /// Whether each request is logged at info instead of debug (`log.requests`).
    package var logsRequests = false
    /// What `Retry-After` says while a plugin drains, in seconds.
    package var drainRetryAfter = 5

    package init() {}
}
