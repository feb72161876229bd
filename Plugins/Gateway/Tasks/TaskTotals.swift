import PluginAPI
import Synchronization

/// The lengths of lists of jobs, so that not every page of a long list is counted anew.
final class TaskTotals: Sendable {
    private let known = Mutex<[TaskFilter: (total: Int, at: Instant)]>([:])

    /// How long a number is good enough.
    private static let lifetime = Duration.seconds(2)
    /// How many are kept.
    private static let limit = 256

    /// The length of a list, if it was counted lately.
    func total(_ filter: TaskFilter, now: Instant) -> Int? {
        known.withLock { known in
            known[filter].flatMap { $0.at.duration(to: now) < Self.lifetime ? $0.total : nil }
        }
    }

    /// Keeps the length of a list.
    func keep(_ total: Int, _ filter: TaskFilter, now: Instant) {
        known.withLock { known in
            if known.count >= Self.limit { known = known.filter { $0.value.at.duration(to: now) < Self.lifetime } }
            if known.count >= Self.limit { known = [:] }
            known[filter] = (total, now)
        }
    }
}
