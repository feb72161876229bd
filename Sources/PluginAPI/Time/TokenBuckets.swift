internal import Synchronization

/// Holds each of many to a rate: a bucket of tokens for each key, refilled evenly, with room for what a minute brings.
///
/// A bucket is one number, the moment at which it will be full again (the generic cell rate algorithm); a full one is not remembered.
public final class TokenBuckets: Sendable {
    private static let minute: Int64 = 60_000_000_000
    /// The least number of buckets at which those that are full again are dropped.
    private static let leastToSweep = 10_000

    private struct State {
        var fullAt: [String: Instant] = [:]
        /// Twice what the last sweep left, so that sweeping costs little for each key.
        var sweepsAt = leastToSweep

        mutating func sweep(_ now: Instant) {
            fullAt = fullAt.filter { $0.value > now }
            sweepsAt = max(leastToSweep, fullAt.count * 2)
        }
    }

    /// The time that one token takes, in nanoseconds.
    private let step: Int64
    private let clock: any TimeSource
    private let state = Mutex(State())

    /// Makes a limit; less than one a minute counts as one.
    public init(perMinute: Int, clock: any TimeSource) {
        step = max(1, Self.minute / Int64(max(1, perMinute)))
        self.clock = clock
    }

    /// Counts one thing of a key; `nil` when it is within the rate, else how long to wait.
    public func take(_ key: String) -> Duration? {
        let now = clock.now
        return state.withLock { state in
            if state.fullAt.count >= state.sweepsAt { state.sweep(now) }
            let full = max(state.fullAt[key] ?? now, now)
            // A token is there unless more than what all the others take is missing.
            let wait = now.duration(to: full) - .nanoseconds(Self.minute - step)
            guard wait <= .zero else { return wait }
            state.fullAt[key] = full.advanced(by: .nanoseconds(step))
            return nil
        }
    }

    /// Forgets a key.
    public func forget(_ key: String) {
        state.withLock { $0.fullAt[key] = nil }
    }
}

extension Duration {
    /// The duration as `Retry-After` has it (RFC 9110 §10.2.3): whole seconds, rounded up, one at least.
    public var retryAfter: String {
        let (seconds, rest) = inNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return String(max(1, seconds + (rest > 0 ? 1 : 0)))
    }
}
