/// What the workers let a waiting job hope for.
struct WorkerOutlook: Sendable, Equatable {
    /// Workers that are registered.
    var registered = 0
    /// Those of them that are enabled.
    var enabled = 0
    /// Those of them that do not answer.
    var unhealthy = 0
    /// Those of them whose queue stands still.
    var stalled = 0
    /// Those of them whose circuit breaker is open.
    var broken = 0
    /// Those of them that may get jobs.
    var usable = 0
    /// The usable ones that have room.
    var free = 0
    /// The fewest jobs that a usable worker has.
    var shortest = 0

    /// What a job waits for, in words for people.
    ///
    /// - Parameter position: Its place in the queue, from 1.
    func words(position: Int?) -> String {
        if registered == 0 { return "no worker is registered" }
        if enabled == 0 { return "no worker is enabled" }
        if usable == 0 {
            let reasons = [
                (unhealthy, "silent"), (stalled, "standing still"), (broken, "out because of failures"),
            ]
            if unhealthy == enabled { return "no worker answers" }
            let words = reasons.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
            return "no worker can be used: \(words.joined(separator: ", "))"
        }
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
        unhealthy = slots.count { $0.usability == .unhealthy }
        stalled = slots.count { $0.usability == .stalled }
        broken = slots.count { $0.usability == .broken }
        let candidates = slots.filter(\.usability.isUsable)
        usable = candidates.count
        free = candidates.count { $0.hasRoom(maximumInFlight) }
        shortest = candidates.map(\.load).min() ?? 0
    }
}
