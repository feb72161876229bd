/// The jobs that wait for a worker, in the order in which they get one.
///
/// Priority first, descending; within one priority callers take turns (``PriorityLevel``); within one caller by place,
/// then arrival. A level without jobs is forgotten, with all that its callers have had.
struct FairQueue: Sendable {
    /// How many jobs wait with one priority.
    struct LevelCount: Sendable {
        let priority: Int
        var count: Int
    }

    private(set) var entries: [String: WaitingEntry] = [:]
    private(set) var levels: [Int: PriorityLevel] = [:]
    /// By priority, ascending.
    private(set) var levelCounts: [LevelCount] = []

    /// How many jobs wait.
    var count: Int { entries.count }
    /// How many callers it remembers, of all priorities, whether or not they have jobs.
    var knownCallers: Int { levels.values.reduce(0) { $0 + $1.callers.count } }

    /// A waiting job.
    func entry(_ promptID: String) -> WaitingEntry? { entries[promptID] }

    /// Adds a job; one that waits already stays as it is.
    ///
    /// - Parameter returning: It was taken and not run: its caller is not charged twice and gets its turn back.
    /// - Returns: false when it waits already.
    @discardableResult
    mutating func add(_ entry: WaitingEntry, returning: Bool = false) -> Bool {
        guard entries[entry.promptID] == nil else { return false }
        entries[entry.promptID] = entry
        levels[entry.priority, default: PriorityLevel()].add(entry, returning: returning)
        count(1, entry.priority)
        return true
    }

    /// Takes the next job.
    mutating func take() -> WaitingEntry? {
        guard let priority = levelCounts.last?.priority, let promptID = levels[priority]?.take() else { return nil }
        count(-1, priority)
        return entries.removeValue(forKey: promptID)
    }

    /// Removes a job; `nil` when it does not wait.
    @discardableResult
    mutating func remove(_ promptID: String) -> WaitingEntry? {
        guard let entry = entries.removeValue(forKey: promptID) else { return nil }
        levels[entry.priority]?.remove(entry)
        count(-1, entry.priority)
        return entry
    }

    /// Changes a job's priority, or its position among its caller's own of that priority, or both.
    ///
    /// - Parameters:
    ///   - promptID: The job.
    ///   - priority: The new one; `nil` keeps it.
    ///   - position: From 1; behind the end counts as the end; `nil` keeps its place.
    /// - Returns: All entries as they are now whose priority or place may have changed, to be stored: first the job,
    ///   then those of the same caller that had to give way. Empty when it does not wait.
    mutating func move(_ promptID: String, priority: Int? = nil, position: Int? = nil) -> [WaitingEntry] {
        guard let entry = entries[promptID] else { return [] }
        let target = priority ?? entry.priority
        var place = entry.place
        var changed: [WaitingEntry] = []
        if let position {
            var line = levels[target]?.callers[entry.caller]?.jobs ?? SortedList()
            let key = CallerLine.Key(entry)
            line.remove(key)
            for change in line.placing(key, at: position) {
                guard let old = entries[change.old.promptID] else { continue }
                if old == entry {
                    place = change.new.place
                    continue
                }
                let new = old.moved(priority: target, place: change.new.place)
                levels[target]?.replace(old, by: new)
                entries[new.promptID] = new
                changed.append(new)
            }
        }
        let moved = entry.moved(priority: target, place: place)
        put(moved)
        return [moved] + changed
    }

    /// Gives a job the priority and place of an entry; one that does not wait is left alone.
    mutating func put(_ entry: WaitingEntry) {
        guard let old = entries[entry.promptID], old != entry else { return }
        if entry.priority == old.priority {
            levels[entry.priority]?.replace(old, by: entry)
            entries[entry.promptID] = entry
        } else {
            remove(entry.promptID)
            add(entry)
        }
    }

    private mutating func count(_ change: Int, _ priority: Int) {
        let index = levelCounts.partitioningIndex { $0.priority >= priority }
        if index < levelCounts.count, levelCounts[index].priority == priority {
            levelCounts[index].count += change
        } else {
            levelCounts.insert(LevelCount(priority: priority, count: change), at: index)
        }
        guard levelCounts[index].count == 0 else { return }
        levelCounts.remove(at: index)
        levels[priority] = nil
    }
}
