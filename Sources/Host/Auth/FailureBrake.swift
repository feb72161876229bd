import Glibc
package import PluginAPI
import Synchronization

/// Slows down those who try tokens: after so many failures from one address within a minute, all its tokens are refused for the rest of it.
///
/// An IPv6 network of 64 bits counts as one address, because its owner has all of them. Two generations of addresses are kept, each at
/// most so long and so large, which bounds the memory whatever addresses appear.
package final class FailureBrake: Sendable {
    private struct Window {
        let start: Instant
        var failures: Int
    }

    private struct State {
        var current: [String: Window] = [:]
        var previous: [String: Window] = [:]
        var currentStart: Instant
    }

    private let limit: Int
    private let period: Duration
    private let capacity: Int
    private let time: any TimeSource
    private let state: Mutex<State>

    /// Makes a brake; `capacity` is the number of addresses in one generation.
    package init(
        limit: Int = 20, period: Duration = .seconds(60), capacity: Int = 4096,
        time: any TimeSource = MonotonicClock()
    ) {
        self.limit = limit
        self.period = period
        self.capacity = max(1, capacity)
        self.time = time
        state = Mutex(State(currentStart: time.now))
    }

    /// Lets an address try a token.
    ///
    /// - Throws: ``HTTPError`` 429 `auth.too_many_failures` with `Retry-After`.
    package func check(_ address: String) throws {
        let now = time.now
        guard let source = Self.source(address),
            let window = state.withLock({ $0.current[source] ?? $0.previous[source] }), window.failures >= limit
        else { return }
        let left = now.duration(to: window.start.advanced(by: period)).inNanoseconds
        guard left > 0 else { return }
        throw HTTPError(
            .tooManyRequests, "auth.too_many_failures", "Too many wrong tokens from this address; try again later.",
            headers: ["Retry-After": String((left - 1) / 1_000_000_000 + 1)])
    }

    /// Counts a failure of an address.
    package func noteFailure(_ address: String) {
        guard let source = Self.source(address) else { return }
        let now = time.now
        state.withLock { state in
            var window = state.current[source] ?? state.previous[source] ?? Window(start: now, failures: 0)
            if window.start.advanced(by: period) <= now { window = Window(start: now, failures: 0) }
            window.failures = min(window.failures + 1, limit)
            let isFull = state.current[source] == nil && state.current.count >= capacity
            if isFull || state.currentStart.advanced(by: period) <= now {
                state.previous = state.current
                state.current = [:]
                state.currentStart = now
            }
            state.current[source] = window
        }
    }

    /// Addresses that are remembered.
    package var count: Int { state.withLock { $0.current.count + $0.previous.count } }

    /// What counts as one source; `nil` for callers without address, who are on this machine.
    private static func source(_ address: String) -> String? {
        guard !address.isEmpty else { return nil }
        var bytes = in6_addr()
        guard address.utf8.contains(UInt8(ascii: ":")), inet_pton(AF_INET6, address, &bytes) == 1 else {
            return address
        }
        return withUnsafeBytes(of: bytes) { bytes in
            // ::ffff:a.b.c.d is an IPv4 address.
            let isIPv4 = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
            if isIPv4 { return bytes[12...].map { String($0) }.joined(separator: ".") }
            return Hex.encode(bytes.prefix(8))
        }
    }
}
