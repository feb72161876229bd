import PluginAPI
internal import Synchronization

/// A token bucket for each agent.
final class RateLimit: Sendable {
    private struct Bucket {
        var tokens: Double
        var filledAt: Instant
    }

    private let perMinute: Double
    private let clock: any TimeSource
    private let buckets = Mutex<[String: Bucket]>([:])

    /// Makes a limit; a bucket holds what a minute brings.
    init(perMinute: Int, clock: any TimeSource) {
        self.perMinute = Double(perMinute)
        self.clock = clock
    }

    /// Counts a request of an agent, one that is known: so there are never more buckets than agents.
    ///
    /// - Throws: ``HTTPError`` 429 `AGENT_RATE_LIMITED` with `Retry-After`.
    func count(_ agentID: String) throws(HTTPError) {
        let now = clock.now
        let wait: Double? = buckets.withLock { buckets in
            var bucket = buckets[agentID] ?? Bucket(tokens: perMinute, filledAt: now)
            let passed = max(0, bucket.filledAt.duration(to: now).inSeconds)
            bucket.tokens = min(perMinute, bucket.tokens + passed * perMinute / 60)
            bucket.filledAt = now
            defer { buckets[agentID] = bucket }
            guard bucket.tokens >= 1 else { return (1 - bucket.tokens) * 60 / perMinute }
            bucket.tokens -= 1
            return nil
        }
        guard let wait else { return }
        var error = HTTPError(.rateLimited)
        error.headers["Retry-After"] = String(max(1, Int(wait.rounded(.up))))
        throw error
    }

    /// Forgets an agent.
    func forget(_ agentID: String) {
        buckets.withLock { $0[agentID] = nil }
    }
}
