/// What the workers let a waiting job hope for.
struct WorkerOutlook: Sendable, Equatable {
    /// Workers that are registered.
    var registered = 0
    /// Those of them that are enabled.
    var enabled = 0
    /// Those of them that may get jobs.
    var usable = 0
    /// Those of them that have room.
    var free = 0
    /// The fewest jobs that a usable worker has.
    var shortest = 0

    /// What a job waits for, in words for people.
    ///
    /// - Parameter position: Its place in the queue, from 1.
    func words(position: Int?) -> String {
        if registered == 0 { return "no worker is registered" }
        if enabled == 0 { return "no worker is enabled" }
        if usable == 0 { return "no worker answers" }
        if free == 0 {
            let workers = usable == 1 ? "the only usable worker has" : "all \(usable) usable workers have"
            return "\(workers) \(shortest) or more jobs ahead"
        }
        guard let position, position > 1 else { return "it is next" }
        return position == 2 ? "one job is before it" : "\(position - 1) jobs are before it"
    }
}

extension WorkerOutlook {
    /// Looks at all workers.
    init(_ slots: [Balancer.Slot], maximumInFlight: Int) {
        registered = slots.count { $0.usability != .removed }
        enabled = slots.count { $0.usability != .removed && $0.usability != .disabled }
        let candidates = slots.filter(\.usability.isUsable)
        usable = candidates.count
        free = candidates.count { $0.hasRoom(maximumInFlight) }
        shortest = candidates.map(\.load).min() ?? 0
    }
}
