import PluginAPI

/// Which pushes are tried again by themselves, until the task's time is over.
enum PushRetry: String, ConfigChoice {
    /// None.
    case never
    /// Those that found the agent busy.
    case busy
    /// Also those that did not reach it, or that it had no time for.
    case failed

    /// Whether a push with this outcome is tried again.
    func covers(_ outcome: PushOutcome) -> Bool {
        switch self {
        case .never: false
        case .busy: outcome == .busy
        case .failed: outcome.mayPass
        }
    }

    /// When to try again after so many failures in a row: 30 s that double up to 5 min; `nil` when the task is over by then.
    static func next(after failures: Int, now: Timestamp, expiresAt: Timestamp) -> Timestamp? {
        let doublings = min(max(failures - 1, 0), 10)
        let next = now.advanced(by: min(first * (1 << doublings), longest))
        return next < expiresAt ? next : nil
    }

    /// Whether that moment has come; also when it is further away than any wait, because the clock was set back since.
    static func isDue(_ next: Timestamp?, now: Timestamp) -> Bool {
        guard let next else { return false }
        return next <= now || next > latest(now)
    }

    /// The latest moment of a next push.
    static func latest(_ now: Timestamp) -> Timestamp {
        now.advanced(by: longest)
    }

    private static let first = Duration.seconds(30)
    private static let longest = Duration.seconds(300)
}
