/// Whether a worker's event stream told of a change of its queue since the queue was last read.
struct QueueNews: Sendable, Equatable {
    /// How many prompts it has, as it said or a reading found last.
    private var known: Int?
    /// Whether there was a change that the last reading may not show.
    private(set) var areFresh = false

    /// A reading begins: what was told before will be in it.
    mutating func readingBegins() {
        areFresh = false
    }

    /// A reading found so many prompts.
    mutating func read(_ count: Int) {
        // What was told while it was read may be older or newer.
        if let known, known != count { areFresh = true }
        known = count
    }

    /// The worker says that it has so many prompts.
    ///
    /// - Returns: whether that is the first change since the reading.
    mutating func told(_ count: Int) -> Bool {
        let isChange = known.map { $0 != count } ?? false
        known = count
        defer { areFresh = areFresh || isChange }
        return isChange && !areFresh
    }
}
