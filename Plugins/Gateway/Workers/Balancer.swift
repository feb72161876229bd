/// Chooses the worker for a prompt.
enum Balancer {
    /// What decides about one worker; plain numbers, so that a thousand of them are looked through in microseconds.
    struct Slot {
        /// Our jobs there.
        var ours = 0
        /// Prompts there that are not ours.
        var foreign = 0
        /// Larger is better, among equal loads.
        var weight = 1
        /// When it was chosen last, as a running number; 0 for never.
        var lastChosen: UInt64 = 0
        /// Whether it may be chosen.
        var usability = Usability.notAsked

        /// The number of prompts it has.
        var load: Int { ours + foreign }

        /// Whether it may get one more job now.
        ///
        /// One that is full of other people's prompts still gets one of ours; one on probation gets no second one.
        func hasRoom(_ maximumInFlight: Int) -> Bool {
            ours == 0 || (load < maximumInFlight && usability != .halfOpen)
        }

        /// Whether it takes part in a choice: with its one job, a worker on probation does not.
        var isCandidate: Bool { usability.isUsable && (usability != .halfOpen || ours == 0) }

        /// Whether it is a better choice: known to answer, then shorter queue, then larger weight, then longer not chosen.
        func isBetter(than other: Slot) -> Bool {
            if usability.rank != other.usability.rank { return usability.rank < other.usability.rank }
            if load != other.load { return load < other.load }
            if weight != other.weight { return weight > other.weight }
            return lastChosen < other.lastChosen
        }
    }

    /// Whether a worker may be chosen; smaller is better.
    enum Usability: UInt8 {
        /// It answered last time.
        case healthy
        /// It answered last time, and gets one job at a time until one has ended there.
        case halfOpen
        /// It was not asked yet.
        case notAsked
        /// It did not answer.
        case unhealthy
        /// It answers, but its queue stands still.
        case stalled
        /// Its circuit breaker is open.
        case broken
        /// It is switched off.
        case disabled
        /// It was deleted.
        case removed

        /// Whether jobs may go there.
        var isUsable: Bool { rawValue <= Usability.notAsked.rawValue }

        /// Decides before the load; a worker on probation is no worse than others, else it would never be tried.
        fileprivate var rank: UInt8 { max(rawValue, Usability.halfOpen.rawValue) }
    }

    /// The place of the best worker; `nil` when the best one has no room, or none can be used.
    ///
    /// A worker with a longer queue than the best one is no better than waiting for that one.
    static func choose(_ slots: [Slot], excluding tried: Set<Int>, maximumInFlight: Int) -> Int? {
        var best: Int?
        slots.withUnsafeBufferPointer { slots in
            for place in slots.indices where slots[place].isCandidate {
                if let best, !slots[place].isBetter(than: slots[best]) { continue }
                if !tried.isEmpty, tried.contains(place) { continue }
                best = place
            }
        }
        guard let best, slots[best].hasRoom(maximumInFlight) else { return nil }
        return best
    }
}
