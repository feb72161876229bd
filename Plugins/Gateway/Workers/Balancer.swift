/// Chooses the worker for a prompt.
enum Balancer {
    /// A worker that may be chosen.
    struct Candidate {
        /// The number of prompts it has.
        var load: Int
        /// Larger is better, among equal loads.
        var weight: Int
        /// When it was chosen last, as a running number; 0 for never.
        var lastChosen: UInt64

        /// Whether it is a better choice: shorter queue, then larger weight, then longer not chosen.
        func isBetter(than other: Candidate) -> Bool {
            if load != other.load { return load < other.load }
            if weight != other.weight { return weight > other.weight }
            return lastChosen < other.lastChosen
        }
    }

    /// The index of the best candidate; the first one when all is equal.
    ///
    /// `nil` candidates are passed over.
    static func choose(_ count: Int, _ candidate: (Int) -> Candidate?) -> Int? {
        var best: (index: Int, candidate: Candidate)?
        for index in 0..<count {
            guard let candidate = candidate(index) else { continue }
            if let current = best, !candidate.isBetter(than: current.candidate) { continue }
            best = (index, candidate)
        }
        return best?.index
    }
}
