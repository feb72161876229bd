package import PluginAPI
import Synchronization

/// Holds callers to their requests a minute: a bucket of tokens for each, refilled evenly.
///
/// A bucket is one number, the moment at which it will be full again (the generic cell rate algorithm); a full one need
/// not be remembered.
package final class RateLimiter: Sendable {
    /// The most requests that may come at once, whatever the limit.
    package static let largestBurst = 600

    private struct Caller: Hashable {
        let kind: Principal.Kind
        let id: String
    }

    private static let minute: Int64 = 60_000_000_000

    private let capacity: Int
    private let time: any TimeSource
    private let refusals: CounterMetric
    /// When the buckets are full, in nanoseconds of the monotonic clock.
    private let fullAt = Mutex<[Caller: Int64]>([:])

    /// Makes a limiter; `capacity` is the number of callers that are remembered.
    package init(metrics: MetricsRegistry, time: any TimeSource, capacity: Int = 65_536) {
        self.capacity = max(4, capacity)
        self.time = time
        refusals = metrics.counter(
            named: "comfyd_auth_rate_limited_total", "Requests refused because their API key has a rate limit.",
            labels: ["key"])
    }

    /// Counts a request; `nil` for a caller without a limit.
    package func take(_ principal: Principal) -> RateAllowance? {
        guard let perMinute = principal.rateLimit else { return nil }
        let step = max(1, Self.minute / Int64(max(1, perMinute)))
        let burst = min(max(1, perMinute), Self.largestBurst)
        // At most a minute, so nothing here overflows.
        let span = step * Int64(burst)
        let now = time.now.nanoseconds
        let caller = Caller(kind: principal.kind, id: principal.id)
        let (isGranted, missing) = fullAt.withLock { fullAt in
            let missing = max(0, (fullAt[caller] ?? now) &- now)
            guard missing <= span - step else { return (false, missing) }
            if fullAt[caller] == nil, fullAt.count >= capacity { Self.shrink(&fullAt, to: capacity / 2, now) }
            fullAt[caller] = now &+ missing &+ step
            return (true, missing + step)
        }
        if !isGranted { refusals.increment(by: 1, [principal.id]) }
        return RateAllowance(
            limit: burst, remaining: Int(max(0, span - missing) / step), untilFull: .nanoseconds(missing),
            retryAfter: isGranted ? nil : .nanoseconds(missing - (span - step)))
    }

    /// Callers that are remembered.
    package var count: Int { fullAt.withLock { $0.count } }

    /// Forgets full buckets, and if that is not enough those nearest to it.
    private static func shrink(_ fullAt: inout [Caller: Int64], to most: Int, _ now: Int64) {
        fullAt = fullAt.filter { $0.value > now }
        guard fullAt.count > most else { return }
        let emptiest = fullAt.sorted { $0.value > $1.value }.prefix(most)
        fullAt = Dictionary(uniqueKeysWithValues: emptiest.map { ($0.key, $0.value) })
    }
}

/// What a caller's rate limit says to one request.
package struct RateAllowance: Sendable, Equatable {
    /// The requests that a full bucket allows at once.
    package var limit: Int
    /// Those that it allows now.
    package var remaining: Int
    /// Time until it is full.
    package var untilFull: Duration
    /// Time until the next request is allowed; `nil` when this one is.
    package var retryAfter: Duration?

    /// Makes an allowance.
    package init(limit: Int, remaining: Int, untilFull: Duration, retryAfter: Duration?) {
        self.limit = limit
        self.remaining = remaining
        self.untilFull = untilFull
        self.retryAfter = retryAfter
    }

    /// Adds the `RateLimit-*` fields (draft-ietf-httpapi-ratelimit-headers-06), times in whole seconds.
    func apply(to headers: inout HTTPFields) {
        headers["RateLimit-Limit"] = String(limit)
        headers["RateLimit-Remaining"] = String(remaining)
        headers["RateLimit-Reset"] = Self.seconds(untilFull)
    }

    /// The refusal; `nil` when the request is allowed.
    var refusal: HTTPError? {
        guard let retryAfter else { return nil }
        return HTTPError(
            .tooManyRequests, "auth.rate_limited", "This API key has made too many requests; try again later.",
            headers: ["Retry-After": Self.seconds(retryAfter)])
    }

    /// Whole seconds, rounded up.
    private static func seconds(_ duration: Duration) -> String {
        let (whole, rest) = duration.components
        return String(rest > 0 ? whole + 1 : whole)
    }
}
