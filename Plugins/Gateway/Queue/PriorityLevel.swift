/// The waiting jobs of one priority: its callers take turns (start-time fair queueing).
///
/// Each job costs its caller one ``unit`` of virtual time; the caller with the smallest virtual start is next. The
/// virtual time goes on by a unit's share among those who wait. Who comes anew starts at the virtual time: before the
/// next job of a caller that was just served, but behind everybody who has waited since.
struct PriorityLevel: Sendable {
    /// The virtual cost of one job: a power of two, so that sums are exact and last for 10^11 jobs.
    static let unit: Int64 = 1 << 24

    /// By caller: those with jobs, and those that have had more than their share by now.
    private(set) var callers: [String: CallerLine] = [:]
    /// The turns of the callers with jobs.
    private(set) var ready = SortedList<CallerLine.Turn>()
    /// The turns of the others; as the virtual time reaches them they are forgotten, so they are at most as many as
    /// waited at once.
    private var idle = SortedList<CallerLine.Turn>()
    private var now: Int64 = 0
    private var takes: Int64 = 0

    /// Whether nothing waits.
    var isEmpty: Bool { ready.isEmpty }

    /// Adds a job that is not there.
    ///
    /// - Parameter returning: It was taken and not run: its caller gets its turn back.
    mutating func add(_ entry: WaitingEntry, returning: Bool) {
        var line = CallerLine(turn: .init(start: now, served: 0, since: entry.sequence, caller: entry.caller))
        if let index = callers.index(forKey: entry.caller) {
            // Out of the table while it changes, so that its jobs are not copied.
            swap(&line, &callers.values[index])
        }
        let before = line.turn
        line.jobs.insert(CallerLine.Key(entry))
        if before.jobs == 0 { line.turn.since = entry.sequence }
        if returning {
            line.turn.start -= Self.unit
            if let last = line.lastTake {
                line.turn.served = last.served
                now -= last.advance
                line.lastTake = nil
            }
        } else if before.jobs == 0 {
            // Nobody starts in the past, nor further behind than one turn.
            line.turn.start = min(max(before.start, now), now + Self.unit)
        }
        if before.jobs > 0, line.turn == before {
            ready.update(line.turn)
        } else {
            if before.jobs > 0 { ready.remove(before) } else { idle.remove(before) }
            ready.insert(line.turn)
        }
        callers[entry.caller] = line
        if returning { limitTime() }
    }

    /// Takes the next job.
    mutating func take() -> String? {
        let waiting = Int64(ready.count)
        guard let turn = ready.popFirst(), let index = callers.index(forKey: turn.caller),
            let job = callers.values[index].jobs.popFirst()
        else { return nil }
        takes += 1
        callers.values[index].turn.start += Self.unit
        callers.values[index].turn.served = takes
        let next = callers.values[index].turn
        if next.jobs > 0 { ready.insert(next) } else { idle.insert(next) }
        let before = now
        now = max(now, turn.start) + Self.unit / waiting
        limitTime()
        callers.values[index].lastTake = .init(served: turn.served, advance: now - before)
        forgetIdle()
        return job.promptID
    }

    /// Removes a job.
    mutating func remove(_ entry: WaitingEntry) {
        guard let index = callers.index(forKey: entry.caller),
            callers.values[index].jobs.remove(CallerLine.Key(entry))
        else { return }
        let turn = callers.values[index].turn
        guard turn.jobs == 0 else { return ready.update(turn) }
        ready.remove(turn)
        idle.insert(turn)
        forgetIdle()
    }

    /// Gives a caller's job another place in its line; its turns stay as they are.
    mutating func replace(_ old: WaitingEntry, by new: WaitingEntry) {
        guard let index = callers.index(forKey: old.caller),
            callers.values[index].jobs.remove(CallerLine.Key(old))
        else { return }
        callers.values[index].jobs.insert(CallerLine.Key(new))
    }

    /// How many jobs go before this one.
    func rank(of entry: WaitingEntry) -> Int? {
        guard let line = callers[entry.caller], let own = line.jobs.rank(of: CallerLine.Key(entry)) else { return nil }
        let start = line.turn.start + Int64(own) * Self.unit
        var rank = own
        for other in ready {
            let distance = start - other.start
            if distance < 0 { break }
            if other == line.turn { continue }
            var jobs = (distance + Self.unit - 1) / Self.unit
            if distance % Self.unit == 0, wins(other, over: line.turn) { jobs += 1 }
            rank += min(Int(jobs), other.jobs)
        }
        return rank
    }

    /// Whether a caller goes first each time it has the same virtual start as another one: who joined the round later
    /// was then served less recently.
    private func wins(_ turn: CallerLine.Turn, over other: CallerLine.Turn) -> Bool {
        turn.start == other.start ? turn < other : turn.start > other.start
    }

    /// However turns were given back: one turn behind the last of all is enough for who comes anew.
    private mutating func limitTime() {
        if let last = ready.last { now = min(now, last.start + Self.unit) }
    }

    /// Forgets those to whom it makes no difference.
    private mutating func forgetIdle() {
        while let first = idle.first, first.start < now || first.start == now && first.served == 0 {
            _ = idle.popFirst()
            callers[first.caller] = nil
        }
    }
}
