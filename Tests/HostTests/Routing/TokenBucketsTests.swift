import PluginAPI
import PluginTestKit
import Testing

/// Token buckets by key.
@Suite struct TokenBucketsTests {
    @Test("a key has what a minute brings at once, and then one at a time; keys do not share")
    func rate() {
        let clock = ManualClock()
        let buckets = TokenBuckets(perMinute: 3, clock: clock)
        for _ in 0..<3 { #expect(buckets.take("a") == nil) }
        #expect(buckets.take("a") == .seconds(20))
        #expect(buckets.take("b") == nil)
        clock.advance(by: .seconds(19))
        #expect(buckets.take("a") == .seconds(1))
        clock.advance(by: .seconds(1))
        #expect(buckets.take("a") == nil)
        #expect(buckets.take("a") != nil)
        buckets.forget("a")
        #expect(buckets.take("a") == nil)
    }

    @Test("a pause fills no more than a minute's worth")
    func pause() {
        let clock = ManualClock()
        let buckets = TokenBuckets(perMinute: 2, clock: clock)
        clock.advance(by: .seconds(3600))
        #expect(buckets.take("a") == nil)
        #expect(buckets.take("a") == nil)
        #expect(buckets.take("a") != nil)
    }

    @Test("many keys that are idle do not make one that is held forget it")
    func many() {
        let clock = ManualClock()
        let buckets = TokenBuckets(perMinute: 1, clock: clock)
        for number in 0..<10_000 { #expect(buckets.take("idle \(number)") == nil) }
        clock.advance(by: .seconds(30))
        #expect(buckets.take("busy") == nil)
        clock.advance(by: .seconds(30))
        for number in 0..<10 { #expect(buckets.take("new \(number)") == nil) }
        #expect(buckets.take("busy") == .seconds(30))
    }

    @Test("Retry-After is in whole seconds, rounded up", arguments: [(0, "1"), (1, "1"), (1000, "1"), (1001, "2")])
    func retryAfter(milliseconds: Int, text: String) {
        #expect(Duration.milliseconds(milliseconds).retryAfter == text)
    }
}
