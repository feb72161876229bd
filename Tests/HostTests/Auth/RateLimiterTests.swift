import Host
import PluginAPI
import Testing

@Suite("Rate limits")
struct RateLimiterTests {
    private let clock = HandClock()
    private let metrics = MetricsRegistry()

    private func limiter(capacity: Int = 1000) -> RateLimiter {
        RateLimiter(metrics: metrics, time: clock, capacity: capacity)
    }

    private static func key(_ id: String, _ limit: Int?) -> Principal {
        var principal = Principal(kind: .apiKey, id: id, name: id)
        principal.rateLimit = limit
        return principal
    }

    /// How many requests pass before one is refused.
    private func burst(_ limiter: RateLimiter, _ principal: Principal, most: Int = 100_000) -> Int {
        (0..<most).first { _ in limiter.take(principal)?.retryAfter != nil } ?? most
    }

    @Test("a full bucket gives its burst, then one request at a time as it fills")
    func refill() {
        let limiter = limiter()
        let key = Self.key("a", 60)
        #expect(
            limiter.take(key) == RateAllowance(limit: 60, remaining: 59, untilFull: .seconds(1), retryAfter: nil))
        #expect(burst(limiter, key) == 59)
        #expect(
            limiter.take(key)
                == RateAllowance(limit: 60, remaining: 0, untilFull: .seconds(60), retryAfter: .seconds(1)))
        clock.move(by: .milliseconds(999))
        #expect(limiter.take(key)?.retryAfter == .milliseconds(1))
        clock.move(by: .milliseconds(1))
        #expect(burst(limiter, key) == 1)
        clock.move(by: .seconds(10))
        #expect(burst(limiter, key) == 10)
        clock.move(by: .seconds(3600))
        #expect(burst(limiter, key) == 60)
    }

    @Test(
        "over a long time exactly the limit passes, the burst apart",
        arguments: [1, 7, 60, 599, 601, 90_000, 1_000_000])
    func rate(limit: Int) {
        let limiter = limiter()
        let key = Self.key("a", limit)
        #expect(burst(limiter, key) == min(limit, RateLimiter.largestBurst))
        var granted = 0
        // Ten times a burst's time, asked often.
        let span = Double(min(limit, RateLimiter.largestBurst)) / Double(limit) * 60
        for _ in 0..<1000 {
            clock.move(by: .nanoseconds(Int64(span * 1e9 / 100)))
            granted += burst(limiter, key, most: 1000)
        }
        let expected = 10 * min(limit, RateLimiter.largestBurst)
        #expect(abs(granted - expected) <= 1 + expected / 1000)
    }

    @Test("callers do not share a bucket, and one without a limit has none")
    func callers() {
        let limiter = limiter()
        #expect(burst(limiter, Self.key("a", 2)) == 2)
        #expect(burst(limiter, Self.key("b", 3)) == 3)
        var agent = Self.key("a", 2)
        agent.kind = .agent
        #expect(burst(limiter, agent) == 2)
        #expect(limiter.take(Self.key("c", nil)) == nil)
        #expect(limiter.count == 3)
    }

    @Test("a limit that makes no sense, from an old table, still limits", arguments: [0, -5, Int.min, Int.max])
    func nonsense(limit: Int) {
        #expect(burst(limiter(), Self.key("a", limit), most: 700) == (limit > 0 ? 600 : 1))
    }

    @Test("the memory is bounded, full buckets go first and empty ones last")
    func bounded() {
        let limiter = limiter(capacity: 100)
        let greedy = Self.key("greedy", 10)
        #expect(burst(limiter, greedy) == 10)
        for number in 0..<5000 { _ = limiter.take(Self.key("\(number)", 10)) }
        #expect(limiter.count <= 100)
        #expect(limiter.take(greedy)?.retryAfter != nil)
        clock.move(by: .seconds(60))
        for number in 0..<200 { _ = limiter.take(Self.key("\(number)", 10)) }
        #expect(limiter.count <= 100)
        #expect(burst(limiter, greedy) == 10)
    }

    @Test("many tasks at once get the burst together and no request more")
    func concurrency() async {
        let limiter = limiter()
        let key = Self.key("a", 500)
        let granted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<200).count { _ in limiter.take(key)?.retryAfter == nil } }
            }
            return await group.reduce(0, +)
        }
        #expect(granted == 500)
        #expect(metrics.text().contains(#"comfyd_auth_rate_limited_total{key="a"} 1100"#))
    }
}
