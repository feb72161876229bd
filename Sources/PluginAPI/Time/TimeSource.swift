/// The clock of the daemon; tests drive it by hand.
public protocol TimeSource: Sendable {
    /// Monotonic time, for measuring and waiting.
    var now: Instant { get }
    /// Wall-clock time, for records.
    var wallClock: Timestamp { get }
    /// Waits.
    ///
    /// - Throws: `CancellationError`.
    func sleep(for duration: Duration) async throws
}

/// A moment of the monotonic clock, comparable within one process.
public struct Instant: Sendable, Hashable, Comparable {
    /// Nanoseconds since some fixed moment.
    public let nanoseconds: Int64

    /// Makes a moment.
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// Moves a moment; one out of range becomes the last or first there is.
    public func advanced(by duration: Duration) -> Instant {
        let step = duration.inNanoseconds
        let (sum, overflow) = nanoseconds.addingReportingOverflow(step)
        return Instant(nanoseconds: overflow ? (step < 0 ? .min : .max) : sum)
    }

    /// The time from this moment to a later one.
    public func duration(to later: Instant) -> Duration {
        .nanoseconds(later.nanoseconds &- nanoseconds)
    }

    /// Earlier is smaller.
    public static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.nanoseconds < rhs.nanoseconds }
}

extension Duration {
    /// The duration in whole nanoseconds, clamped to what 64 bits hold.
    public var inNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, overflowSum) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflowSum ? (seconds < 0 ? .min : .max) : sum
    }

    /// The duration in seconds.
    public var inSeconds: Double { Double(inNanoseconds) / 1e9 }
}

/// A moment of the wall clock in whole milliseconds since 1970-01-01T00:00:00Z, as ComfyUI counts.
public struct Timestamp: Sendable, Hashable, Comparable, Codable {
    /// Milliseconds since the epoch.
    public let milliseconds: Int64

    /// Makes a moment.
    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Reads a number of milliseconds.
    public init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    /// Writes a number of milliseconds.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }

    /// Moves a moment by whole milliseconds; one out of range becomes the last or first there is.
    public func advanced(by duration: Duration) -> Timestamp {
        let step = duration.inNanoseconds / 1_000_000
        let (sum, overflow) = milliseconds.addingReportingOverflow(step)
        return Timestamp(milliseconds: overflow ? (step < 0 ? .min : .max) : sum)
    }

    /// Earlier is smaller.
    public static func < (lhs: Timestamp, rhs: Timestamp) -> Bool { lhs.milliseconds < rhs.milliseconds }

    /// The moment as RFC 3339 in UTC, such as `2026-01-31T08:00:00.123Z`.
    public var iso8601: String {
        let (days, inDay) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
        let rest = inDay < 0 ? inDay + 86_400_000 : inDay
        let (year, month, day) = Self.civil(fromDays: inDay < 0 ? days - 1 : days)
        let time =
            "\(Self.pad(rest / 3_600_000, 2)):\(Self.pad(rest / 60_000 % 60, 2)):\(Self.pad(rest / 1000 % 60, 2))"
        return "\(Self.pad(year, 4))-\(Self.pad(month, 2))-\(Self.pad(day, 2))T\(time).\(Self.pad(rest % 1000, 3))Z"
    }

    /// Days since the epoch to a Gregorian date: the era arithmetic of Howard Hinnant's "chrono-compatible date algorithms".
    private static func civil(fromDays days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func pad(_ value: Int64, _ width: Int) -> String {
        let digits = String(value.magnitude)
        return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
