extension FairQueue {
    /// When a job's turn comes, from 1, if no more jobs came; `nil` when it does not wait.
    func position(of promptID: String) -> Int? {
        guard let entry = entries[promptID], let rank = levels[entry.priority]?.rank(of: entry) else { return nil }
        return higherLevels(than: entry.priority).reduce(rank + 1) { $0 + $1.count }
    }

    /// A part of the jobs in the order in which they would be taken.
    func list(offset: Int = 0, limit: Int = .max) -> [WaitingEntry] {
        var skipped = max(offset, 0)
        var listed: [WaitingEntry] = []
        for level in levelCounts.reversed() {
            guard listed.count < limit else { break }
            if skipped >= level.count {
                skipped -= level.count
                continue
            }
            guard let turns = levels[level.priority]?.turns else { continue }
            listed += turns.dropFirst(skipped).prefix(limit - listed.count).compactMap { entries[$0] }
            skipped = 0
        }
        return listed
    }

    private func higherLevels(than priority: Int) -> ArraySlice<LevelCount> {
        levelCounts[levelCounts.partitioningIndex { $0.priority > priority }...]
    }
}

extension PriorityLevel {
    /// The jobs in the order in which they would be taken.
    var turns: some Sequence<String> { Turns(level: self) }
}

/// Goes through the callers' turns without a change to the level.
///
/// A caller that has had a turn is next one unit later, so those come up in the order in which they were served: a
/// merge of two sorted rows, without a heap.
private struct Turns: Sequence, IteratorProtocol {
    /// A caller that has had a turn.
    struct Served {
        var start: Int64
        let caller: Dictionary<String, CallerLine>.Index
        var job: SortedList<CallerLine.Key>.Index
    }

    private let level: PriorityLevel
    private var fresh: SortedList<CallerLine.Turn>.Index
    private var served: [Served] = []
    private var head = 0

    init(level: PriorityLevel) {
        self.level = level
        fresh = level.ready.startIndex
    }

    mutating func next() -> String? {
        let first = fresh < level.ready.endIndex ? level.ready[fresh] : nil
        // The two meet at one virtual start: who has not been served yet goes first.
        if let first, head == served.count || first.start <= served[head].start {
            fresh = level.ready.index(after: fresh)
            guard let caller = level.callers.index(forKey: first.caller) else { return nil }
            let jobs = level.callers.values[caller].jobs
            return serve(Served(start: first.start, caller: caller, job: jobs.startIndex))
        }
        guard head < served.count else { return nil }
        defer { dropServed() }
        head += 1
        return serve(served[head - 1])
    }

    private mutating func serve(_ turn: Served) -> String? {
        let jobs = level.callers.values[turn.caller].jobs
        var next = turn
        next.start += PriorityLevel.unit
        next.job = jobs.index(after: turn.job)
        if next.job < jobs.endIndex { served.append(next) }
        return jobs[turn.job].promptID
    }

    private mutating func dropServed() {
        guard head > 1024, head * 2 > served.count else { return }
        served.removeFirst(head)
        head = 0
    }
}
