import PluginTestKit
import Testing

@testable import Gateway

@Suite("The order of waiting jobs against a simple model")
struct FairQueueModelTests {
    /// The rules of ``FairQueue``, by searching everything at each step.
    private struct Model {
        struct Caller {
            var start: Int64
            var served: Int64 = 0
            var since: Int64
            var last: (served: Int64, advance: Int64)?
        }

        struct Level {
            var callers: [String: Caller] = [:]
            var now: Int64 = 0
            var takes: Int64 = 0
        }

        private static let unit: Int64 = 1 << 24

        var entries: [WaitingEntry] = []
        var levels: [Int: Level] = [:]

        private func waiting(_ priority: Int) -> Set<String> {
            Set(entries.filter { $0.priority == priority }.map(\.caller))
        }

        mutating func add(_ entry: WaitingEntry, returning: Bool) {
            guard !entries.contains(where: { $0.promptID == entry.promptID }) else { return }
            var level = levels[entry.priority] ?? Level()
            var caller = level.callers[entry.caller] ?? Caller(start: level.now, since: entry.sequence)
            let isIdle = !waiting(entry.priority).contains(entry.caller)
            if isIdle { caller.since = entry.sequence }
            if returning {
                caller.start -= Self.unit
                if let last = caller.last {
                    caller.served = last.served
                    level.now -= last.advance
                    caller.last = nil
                }
            } else if isIdle {
                caller.start = min(max(caller.start, level.now), level.now + Self.unit)
            }
            level.callers[entry.caller] = caller
            levels[entry.priority] = level
            entries.append(entry)
            if returning { limitTime(entry.priority) }
        }

        mutating func take() -> WaitingEntry? {
            guard let priority = entries.map(\.priority).max(), var level = levels[priority] else { return nil }
            let names = waiting(priority)
            let turns = level.callers.filter { names.contains($0.key) }.map {
                ($0.value.start, $0.value.served, $0.value.since, $0.key)
            }
            guard let turn = turns.min(by: <), let entry = next(of: turn.3, priority) else { return nil }
            entries.removeAll { $0.promptID == entry.promptID }
            level.takes += 1
            level.callers[turn.3]?.start += Self.unit
            level.callers[turn.3]?.served = level.takes
            let before = level.now
            level.now = max(level.now, turn.0) + Self.unit / Int64(names.count)
            levels[priority] = level
            limitTime(priority)
            let advance = (levels[priority]?.now ?? 0) - before
            levels[priority]?.callers[turn.3]?.last = (turn.1, advance)
            forget(priority)
            return entry
        }

        mutating func remove(_ entry: WaitingEntry) {
            entries.removeAll { $0.promptID == entry.promptID }
            if !waiting(entry.priority).contains(entry.caller) { forget(entry.priority) }
        }

        private func next(of caller: String, _ priority: Int) -> WaitingEntry? {
            entries.filter { $0.caller == caller && $0.priority == priority }.min {
                ($0.place, $0.sequence, $0.promptID) < ($1.place, $1.sequence, $1.promptID)
            }
        }

        private mutating func limitTime(_ priority: Int) {
            let names = waiting(priority)
            guard let level = levels[priority] else { return }
            let starts = level.callers.filter { names.contains($0.key) }.values.map(\.start)
            if let last = starts.max() { levels[priority]?.now = min(level.now, last + Self.unit) }
        }

        private mutating func forget(_ priority: Int) {
            let names = waiting(priority)
            guard var level = levels[priority] else { return }
            level.callers = level.callers.filter {
                names.contains($0.key) || $0.value.start > level.now
                    || $0.value.start == level.now && $0.value.served > 0
            }
            levels[priority] = names.isEmpty ? nil : level
        }
    }

    @Test("the same jobs come out, as listed and as their positions say", arguments: 1...12 as ClosedRange<UInt64>)
    func model(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var (fair, model) = (FairQueue(), Model())
        var taken: [WaitingEntry] = []
        let callers = Int.random(in: 1...12, using: &random)
        let levels = Int.random(in: 1...4, using: &random)
        for number in 1...2500 as ClosedRange<Int64> {
            switch Int.random(in: 0..<100, using: &random) {
            case ..<45:
                let same = Double(Int.random(in: -3...3, using: &random))
                let place = [Double(number), -Double(number), same].randomElement(using: &random) ?? same
                let entry = WaitingEntry(
                    promptID: "job \(number)", caller: "caller \(Int.random(in: 0..<callers, using: &random))",
                    priority: Int.random(in: 0..<levels, using: &random), place: place, sequence: number)
                model.add(entry, returning: false)
                #expect(fair.add(entry) == true)
            case ..<75:
                let entry = fair.take()
                try #require(entry == model.take())
                if let entry { taken.append(entry) }
            case ..<85:
                guard let index = taken.indices.randomElement(using: &random) else { continue }
                let entry = taken.remove(at: index)
                model.add(entry, returning: true)
                #expect(fair.add(entry, returning: true) == true)
            case ..<92:
                guard let entry = model.entries.randomElement(using: &random) else { continue }
                model.remove(entry)
                #expect(fair.remove(entry.promptID) == entry)
            case ..<97:
                guard let entry = model.entries.randomElement(using: &random) else { continue }
                let priority = Int.random(in: 0..<levels, using: &random)
                let position = Int.random(in: 1...5, using: &random)
                for new in fair.move(entry.promptID, priority: priority, position: position) {
                    let old = try #require(model.entries.first { $0.promptID == new.promptID })
                    if old.priority == new.priority {
                        model.entries[try #require(model.entries.firstIndex(of: old))] = new
                    } else {
                        model.remove(old)
                        model.add(new, returning: false)
                    }
                }
                let line = model.entries.filter { $0.caller == entry.caller && $0.priority == priority }
                    .sorted { ($0.place, $0.sequence) < ($1.place, $1.sequence) }
                #expect(line[min(position, line.count) - 1].promptID == entry.promptID)
            default:
                if number % 3 == 0 { while fair.count > 0 { try #require(fair.take() == model.take()) } }
            }
            #expect(fair.count == model.entries.count)
            #expect(fair.knownCallers == model.levels.values.reduce(0) { $0 + $1.callers.count })
            if number % 20 == 0 { try check(fair, &random) }
        }
    }

    /// What a queue says of its order against what it then gives.
    private func check(_ fair: FairQueue, _ random: inout SeededRandom) throws {
        var drained = fair
        var order: [WaitingEntry] = []
        while let entry = drained.take() { order.append(entry) }
        try #require(fair.list() == order)
        try #require(order.map { fair.position(of: $0.promptID) } == order.indices.map { $0 + 1 })
        #expect(drained.knownCallers == 0)
        let offset = Int.random(in: 0...(order.count + 1), using: &random)
        #expect(fair.list(offset: offset, limit: 7) == Array(order.dropFirst(offset).prefix(7)))
    }

    @Test("a sorted list is a sorted array, through all its chunks", arguments: 1...4 as ClosedRange<UInt64>)
    func sortedList(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var (list, array) = (SortedList<Int>(), [Int]())
        let range = seed == 1 ? 0...3000 : 0...100_000
        // It grows, then shrinks; the last seeds in order from either end.
        for step in 0..<6000 {
            let value =
                switch seed {
                case 3: step
                case 4: -step
                default: Int.random(in: range, using: &random)
                }
            let index = array.partitioningIndex { $0 >= value }
            guard index == array.count || array[index] != value else { continue }
            list.insert(value)
            array.insert(value, at: index)
        }
        #expect(list.elementsEqual(array) && list.reversed().elementsEqual(array.reversed()))
        if seed == 3 { #expect(list.chunkCount <= array.count / SortedList<Int>.chunkLimit + 1) }
        while array.count > 10 {
            let index = Int.random(in: array.indices, using: &random)
            #expect(list.rank(of: array[index]) == index && list[list.index(rank: index)] == array[index])
            #expect(list.remove(array[index]) && !list.remove(array[index]))
            array.remove(at: index)
            if array.count % 500 == 0 { #expect(list.elementsEqual(array) && list.count == array.count) }
        }
        #expect(list.elementsEqual(array) && list.chunkCount <= 3)
        #expect(list.index(rank: 10) == list.endIndex && list.rank(of: -1_000_000) == nil)
        while let first = list.popFirst() { #expect(first == array.removeFirst()) }
        #expect(array.isEmpty && list.isEmpty && list.chunkCount == 0)
    }

    @Test("a full chunk splits for an element anywhere in it")
    func splits() {
        let even = (0..<2 * SortedList<Int>.chunkLimit).map { 2 * $0 }
        for odd in -1...even.count * 2 where odd % 2 != 0 {
            var list = SortedList<Int>()
            for number in even { list.insert(number) }
            list.insert(odd)
            #expect(list.elementsEqual((even + [odd]).sorted()) && list.count == even.count + 1)
        }
    }
}
