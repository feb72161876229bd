/// The jobs of one caller in one priority, and its next turn.
struct CallerLine: Sendable {
    /// A job in the line: by place, then arrival.
    struct Key: Comparable, Sendable {
        var place: Double
        let sequence: Int64
        let promptID: String

        init(_ entry: WaitingEntry) {
            place = entry.place
            sequence = entry.sequence
            promptID = entry.promptID
        }

        static func < (left: Self, right: Self) -> Bool {
            if left.place != right.place { return left.place < right.place }
            if left.sequence != right.sequence { return left.sequence < right.sequence }
            return left.promptID < right.promptID
        }
    }

    /// When it is a caller's turn: by virtual start, then the one not served for longest, then first come.
    struct Turn: Comparable, Sendable {
        /// The virtual start of the caller's next job.
        var start: Int64
        /// The number of the take that served the caller last; 0 when none did.
        var served: Int64
        /// The arrival number of the job with which the caller came.
        var since: Int64
        let caller: String
        /// How many jobs the caller has; decides nothing.
        var jobs = 0

        static func == (left: Self, right: Self) -> Bool {
            left.start == right.start && left.served == right.served && left.since == right.since
                && left.caller == right.caller
        }

        static func < (left: Self, right: Self) -> Bool {
            if left.start != right.start { return left.start < right.start }
            if left.served != right.served { return left.served < right.served }
            if left.since != right.since { return left.since < right.since }
            return left.caller < right.caller
        }
    }

    /// What the last take changed, to be undone if its job comes back.
    struct LastTake: Sendable {
        /// The caller's number of the take before.
        let served: Int64
        /// How far the virtual time went on.
        let advance: Int64
    }

    /// The caller's next turn; while nothing waits, the one it would have.
    var turn: Turn
    /// The jobs, next first.
    var jobs = SortedList<Key>() {
        didSet { turn.jobs = jobs.count }
    }
    /// The last take that has not come back.
    var lastTake: LastTake?
}

// MARK: - Places

extension SortedList<CallerLine.Key> {
    /// The usual distance between new places: small beside the distance of arrival numbers, with room for more between.
    private static var gap: Double { 1.0 / 1024 }

    /// The place that puts a job at a position, and new places for others, if they must give way.
    ///
    /// - Parameters:
    ///   - key: The job; not in this line.
    ///   - position: From 1; behind the end counts as the end.
    /// - Returns: The job's key first; empty when there is no room between all numbers.
    func placing(_ key: Element, at position: Int) -> [(old: Element, new: Element)] {
        let behind = index(rank: Swift.max(position, 1) - 1)
        let right = behind < endIndex ? self[behind] : nil
        let left = behind > startIndex ? self[index(before: behind)] : nil
        let between: Double? =
            switch (left?.place, right?.place) {
            case (let left?, let right?): left / 2 + right / 2
            case (let left?, nil): Self.step(left, 1)
            case (nil, let right?): Self.step(right, -1)
            case (nil, nil): nil
            }
        for place in [key.place, between ?? key.place] where place.isFinite {
            var new = key
            new.place = place
            if left.map({ $0 < new }) ?? true, right.map({ new < $0 }) ?? true { return [(key, new)] }
        }
        // Those before give way first: so what comes later with the same number still goes behind them all.
        return pushing(key, from: behind, forward: false) ?? pushing(key, from: behind, forward: true) ?? []
    }

    /// Puts a job next to one neighbour, and pushes those on its other side away as far as needed.
    private func pushing(_ key: Element, from behind: Index, forward: Bool) -> [(old: Element, new: Element)]? {
        let sign: Double = forward ? 1 : -1
        let before = self[..<behind].reversed()
        let fixed = forward ? before.first : self[behind...].first
        let pushed = forward ? AnySequence(self[behind...]) : AnySequence(before)
        var last = key
        if let fixed {
            last.place = Self.step(fixed.place, sign)
        } else if let first = pushed.first(where: { _ in true }) {
            last.place = first.place
        }
        var changes = [(old: key, new: last)]
        for old in pushed {
            if forward ? last < old : old < last { break }
            var new = old
            new.place = Self.step(last.place, sign)
            changes.append((old, new))
            last = new
        }
        return last.place.isFinite ? changes : nil
    }

    /// A number a bit above or below another.
    private static func step(_ place: Double, _ sign: Double) -> Double {
        place + sign * Swift.max(gap, place.ulp * 1024)
    }
}
