import PluginTestKit
import Testing

@testable import Gateway

@Suite("The order of waiting jobs")
struct FairQueueTests {
    /// A queue that numbers what it gets; a job is called by its caller and its number: `a1`.
    private struct Queue {
        var fair = FairQueue()
        private var number: Int64 = 0

        mutating func add(_ names: String, priority: Int = 0, place: Double? = nil) {
            for name in names.split(separator: " ") {
                number += 1
                fair.add(
                    WaitingEntry(
                        promptID: String(name), caller: String(name.prefix(1)), priority: priority,
                        place: place ?? Double(number), sequence: number))
            }
        }

        mutating func take(_ count: Int = .max) -> String {
            var names: [String] = []
            while names.count < count, let entry = fair.take() { names.append(entry.promptID) }
            return names.joined(separator: " ")
        }

        /// All names in order; the positions must agree.
        var order: String {
            let names = fair.list().map(\.promptID)
            #expect(names.map { fair.position(of: $0) } == names.indices.map { $0 + 1 })
            return names.joined(separator: " ")
        }
    }

    @Test("larger priorities go first, whoever has had what, up to the ends of the integers")
    func priorities() {
        var queue = Queue()
        queue.add("a1", priority: .min)
        queue.add("a2 b1")
        queue.add("a3", priority: .max)
        queue.add("b2", priority: -1)
        queue.add("a4 a5", priority: 7)
        #expect(queue.order == "a3 a4 a5 a2 b1 b2 a1")
        #expect(queue.fair.list(offset: 2, limit: 3).map(\.promptID) == ["a5", "a2", "b1"])
        #expect(queue.fair.list(offset: -1, limit: -1).isEmpty && queue.fair.list(offset: 7).isEmpty)
        #expect(queue.take() == "a3 a4 a5 a2 b1 b2 a1")
        #expect(queue.fair.count == 0 && queue.fair.take() == nil && queue.fair.position(of: "a1") == nil)
    }

    @Test("within one caller: by place, then by arrival")
    func places() {
        var queue = Queue()
        queue.add("a1 a2")
        queue.add("a3 a4", place: -3)
        queue.add("a5", place: .greatestFiniteMagnitude)
        queue.add("a6", place: -.greatestFiniteMagnitude)
        queue.add("a7", place: .nan)
        #expect(queue.order == "a6 a3 a4 a1 a2 a7 a5")
        #expect(queue.take() == "a6 a3 a4 a1 a2 a7 a5")
    }

    @Test("callers take turns, however much each has sent")
    func turns() {
        var queue = Queue()
        queue.add("a1 a2 a3 a4 a5 b1 b2 c1")
        #expect(queue.order == "a1 b1 c1 a2 b2 a3 a4 a5")
        #expect(queue.take() == "a1 b1 c1 a2 b2 a3 a4 a5")
    }

    @Test("a newcomer is next, before a caller that has flooded the queue, and then takes turns with it")
    func newcomer() {
        var queue = Queue()
        queue.add("a1 a2 a3 a4 a5 a6 a7 a8")
        #expect(queue.take(3) == "a1 a2 a3")
        queue.add("b1 b2")
        #expect(queue.order == "b1 a4 b2 a5 a6 a7 a8")
        #expect(queue.take(1) == "b1")
        queue.add("c1")
        // One half of a round is over: a has waited since before c came, b has just been served.
        #expect(queue.order == "a4 c1 b2 a5 a6 a7 a8")
        #expect(queue.take() == "a4 c1 b2 a5 a6 a7 a8")
    }

    @Test("who always has just one job waiting is not before those who wait as well")
    func oneAtATime() {
        var queue = Queue()
        queue.add("a1 a2 a3 b1")
        var order: [String] = []
        for number in 2...4 {
            order.append(queue.take(1))
            order.append(queue.take(1))
            queue.add("b\(number)")
        }
        #expect(order == ["a1", "b1", "a2", "b2", "a3", "b3"])
    }

    @Test("an endless stream of fresh callers delays an old one by a bounded number of turns", arguments: [1, 2, 5])
    func endlessNewcomers(perTurn: Int) {
        let (waiting, rounds) = (10, 300)
        var fair = FairQueue()
        var number: Int64 = 0
        func add(_ caller: String) {
            number += 1
            fair.add(
                WaitingEntry(
                    promptID: "\(number)", caller: caller, priority: 0, place: Double(number), sequence: number))
        }
        for _ in 0..<5 { add("old") }
        for fresh in 0..<waiting { add("first \(fresh)") }
        var delays: [Int] = []
        var delay = 0
        for round in 0..<rounds where delays.count < 5 {
            // Beyond twice the first callers, as many come as go.
            for fresh in 0..<(fair.count < 2 * waiting ? perTurn : 1) { add("fresh \(round) \(fresh)") }
            delay += 1
            if fair.take()?.caller == "old" {
                delays.append(delay)
                delay = 0
            }
        }
        #expect(delays.count == 5)
        #expect(delays.allSatisfy { $0 <= 4 * waiting + perTurn })
    }

    @Test("a job that comes back has its old turn, and its caller has not paid for it")
    func returning() throws {
        var queue = Queue()
        queue.add("a1 a2 b1 b2 c1 c2")
        #expect(queue.take(3) == "a1 b1 c1")
        let order = queue.order
        #expect(order == "a2 b2 c2")
        for _ in 0..<50 {
            let entry = queue.fair.take()
            #expect(queue.fair.add(try #require(entry), returning: true) == true)
            #expect(queue.order == order)
        }
        // Nor did time go on: who comes now is still before those who were just served.
        queue.add("d1")
        #expect(queue.order == "d1 a2 b2 c2")

        let taken = [queue.fair.take(), queue.fair.take()]
        #expect(taken.map(\.?.promptID) == ["d1", "a2"])
        for entry in taken.reversed() { queue.fair.add(try #require(entry), returning: true) }
        #expect(queue.take() == "d1 a2 b2 c2")
    }

    @Test("jobs that come back all at once, even to an empty queue, are in their old order and before newcomers")
    func returningTogether() {
        var queue = Queue()
        queue.add("a1 a2 b1")
        var taken: [WaitingEntry] = []
        while let entry = queue.fair.take() { taken.append(entry) }
        #expect(queue.fair.knownCallers == 0)
        queue.add("n1")
        for entry in taken.reversed() { queue.fair.add(entry, returning: true) }
        #expect(queue.order == "a1 b1 a2 n1")
    }

    @Test("however often jobs come back, a newcomer is served within one round")
    func manyReturns() throws {
        var queue = Queue()
        queue.add("a1 a2 a3 a4 b1 b2 b3 b4")
        for _ in 0..<100 {
            let taken = [queue.fair.take(), queue.fair.take(), queue.fair.take(), queue.fair.take(), queue.fair.take()]
            for entry in taken { queue.fair.add(try #require(entry), returning: true) }
        }
        #expect(queue.order == "a1 b1 a2 b2 a3 b3 a4 b4")
        queue.add("n1")
        #expect(queue.order == "a1 b1 n1 a2 b2 a3 b3 a4 b4")
    }

    @Test("who comes back waits one turn, however many turns another caller was given back meanwhile")
    func othersReturns() {
        var queue = Queue()
        queue.add("a1 a2 a3 a4 a5 b1 b2 b3 b4 b5 b6")
        var taken: [WaitingEntry] = []
        while taken.count < 9, let entry = queue.fair.take() { taken.append(entry) }
        #expect(taken.last?.promptID == "a5")
        for entry in taken where entry.caller == "b" { queue.fair.add(entry, returning: true) }
        queue.add("a6")
        #expect(queue.order == "b1 b2 a6 b3 b4 b5 b6")
    }

    @Test("a cancelled job is gone, and costs its caller nothing")
    func removal() {
        var queue = Queue()
        queue.add("a1 a2 a3 b1 b2")
        #expect(queue.fair.remove("a2")?.promptID == "a2")
        #expect(queue.fair.remove("a2") == nil && queue.fair.entry("a2") == nil)
        #expect(queue.order == "a1 b1 a3 b2")
        queue.fair.remove("a1")
        queue.fair.remove("a3")
        #expect(queue.fair.count == 2 && queue.fair.knownCallers == 1)
        queue.add("a4")
        #expect(queue.take() == "b1 a4 b2")
    }

    @Test("a job waits once")
    func duplicates() {
        var queue = Queue()
        queue.add("a1 a2")
        let other = WaitingEntry(promptID: "a2", caller: "b", priority: 9, place: 0, sequence: 3)
        #expect(!queue.fair.add(other) && !queue.fair.add(other, returning: true))
        #expect(queue.order == "a1 a2" && queue.fair.entry("a2")?.priority == 0)
        #expect(queue.take() == "a1 a2")
    }

    @Test("callers are forgotten once they have had no more than their share")
    func forgetting() {
        var fair = FairQueue()
        var most = 0
        for number in 1...5000 as ClosedRange<Int64> {
            for caller in ["flood", "caller \(number)"] {
                fair.add(
                    WaitingEntry(
                        promptID: "\(caller) \(number)", caller: caller, priority: 0, place: 0, sequence: number))
            }
            _ = fair.take()
            // Cancelled ones leave nothing behind either.
            if number % 2 == 0 { fair.remove("caller \(number) \(number)") }
            if fair.count > 20 { while fair.count > 10, fair.take() != nil {} }
            most = max(most, fair.knownCallers)
        }
        #expect(most <= 40)
        while fair.take() != nil {}
        #expect(fair.knownCallers == 0 && fair.levels.isEmpty && fair.levelCounts.isEmpty && fair.entries.isEmpty)
    }
}
