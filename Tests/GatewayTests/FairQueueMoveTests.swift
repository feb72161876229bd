import PluginTestKit
import Testing

@testable import Gateway

@Suite("Moves of waiting jobs")
struct FairQueueMoveTests {
    /// One caller's jobs `0`, `1`, … with these places, and one of another caller.
    private func queue(_ places: [Double]) -> FairQueue {
        var fair = FairQueue()
        for (number, place) in places.enumerated() { fair.add(entry("\(number)", place, number)) }
        fair.add(WaitingEntry(promptID: "x", caller: "other", priority: 0, place: 0, sequence: 99))
        return fair
    }

    private func entry(_ promptID: String, _ place: Double, _ sequence: Int, priority: Int = 0) -> WaitingEntry {
        WaitingEntry(promptID: promptID, caller: "a", priority: priority, place: place, sequence: Int64(sequence))
    }

    private func own(_ fair: FairQueue, priority: Int = 0) -> String {
        fair.list().filter { $0.caller == "a" && $0.priority == priority }.map(\.promptID).joined(separator: " ")
    }

    @Test(
        "a job becomes its caller's n-th",
        arguments: [
            ("3", 1, "3 0 1 2 4"), ("0", 3, "1 2 0 3 4"), ("4", 2, "0 4 1 2 3"), ("1", 5, "0 2 3 4 1"),
            ("1", Int.max, "0 2 3 4 1"), ("2", 0, "2 0 1 3 4"), ("2", Int.min, "2 0 1 3 4"), ("2", 3, "0 1 2 3 4"),
            ("4", 5, "0 1 2 3 4"), ("0", 1, "0 1 2 3 4"),
        ])
    func position(promptID: String, position: Int, expected: String) throws {
        var fair = queue([1, 2, 3, 4, 5])
        let changed = fair.move(promptID, position: position)
        #expect(own(fair) == expected)
        // There is room: nobody else changes, and a job that is there already does not either.
        #expect(changed.count == 1 && changed.first == fair.entry(promptID))
        #expect(expected != "0 1 2 3 4" || changed.first?.place == changed.first.map { Double($0.sequence + 1) })
        #expect(fair.count == 6 && fair.position(of: "x") == 2)
        // What comes later is behind it.
        fair.add(entry("new", 6, 6))
        #expect(own(fair) == expected + " new")
    }

    @Test("with another priority a job goes to that queue, at its place or at a position")
    func priority() throws {
        var fair = queue([1, 2, 3, 4])
        for number in 5...7 { fair.add(entry("\(number)", Double(number), number, priority: .max)) }
        #expect(fair.move("3", priority: .max) == [entry("3", 4, 3, priority: .max)])
        #expect(own(fair, priority: .max) == "3 5 6 7")
        #expect(fair.move("0", priority: .max, position: 3).map(\.promptID) == ["0"])
        #expect(own(fair, priority: .max) == "3 5 0 6 7" && own(fair) == "1 2")
        #expect(fair.move("6", priority: .min, position: 4) == [entry("6", 6, 6, priority: .min)])
        #expect(fair.list().map(\.promptID) == ["3", "5", "0", "7", "1", "x", "2", "6"])
        #expect(fair.move("none", priority: 1, position: 1).isEmpty)
        #expect(fair.move("1") == [entry("1", 2, 1)])
    }

    @Test("a move within the line costs and gains no turn")
    func turns() {
        var fair = queue([1, 2])
        #expect(fair.take()?.promptID == "0")
        #expect(fair.move("1", position: 1).count == 1)
        #expect(fair.list().map(\.promptID) == ["x", "1"])
    }

    @Test(
        "without room between numbers those before give way, no more than needed, and are all reported",
        arguments: [
            ([0, 0, 0, 0, 0], "4 0 1"), ([0, 1, 1, 1, 1], "4 1"),
            ([0, 1.0.nextUp, 1.0.nextUp.nextUp, 3, 4], "4 1"), ([1, 2, 3, 4, 5], "4"),
            ([-1, -1, -1, -1, -1].map { $0 * .greatestFiniteMagnitude }, "4 2 3"),
            ([1, 1, 1, 1, 1].map { $0 * .greatestFiniteMagnitude }, "4 0 1"),
            ([1e300, 1e300, 1e300, 1e300, 1e300], "4 0 1"),
            ([0, 0, 0, 0, 0].map { .leastNonzeroMagnitude + $0 }, "4 0 1"),
            (
                [
                    -.greatestFiniteMagnitude, 0, .greatestFiniteMagnitude, .greatestFiniteMagnitude,
                    .greatestFiniteMagnitude,
                ], "4"
            ),
        ] as [([Double], String)])
    func noRoom(places: [Double], changes: String) throws {
        for from in places.indices {
            for position in 1...places.count {
                var fair = queue(places)
                var order = places.indices.map { "\($0)" }
                order.insert(order.remove(at: from), at: position - 1)
                let changed = fair.move("\(from)", position: position)
                #expect(own(fair) == order.joined(separator: " "), "\(from) to \(position)")
                #expect(changed.first?.promptID == "\(from)")
                if from == 4, position == 3 {
                    let names = changed.dropFirst().map(\.promptID).sorted()
                    #expect((["4"] + names).joined(separator: " ") == changes)
                }
                // What was stored is the same queue.
                var stored = queue(places)
                for entry in changed {
                    #expect(entry.place.isFinite && fair.entry(entry.promptID) == entry)
                    stored.remove(entry.promptID)
                    stored.add(entry)
                }
                #expect(Set(stored.list()) == Set(fair.list()) && own(stored) == own(fair))
            }
        }
    }

    @Test("moves to the same gap again and again find room, and what comes later stays behind", arguments: [1, 2, 30])
    func often(position: Int) throws {
        var fair = queue((1...60).map(Double.init))
        var order = (0..<60).map { "\($0)" }
        var random = SeededRandom(seed: 1)
        for _ in 0..<2000 {
            let from = Int.random(in: order.indices, using: &random)
            let promptID = order.remove(at: from)
            order.insert(promptID, at: position - 1)
            #expect(fair.move(promptID, position: position).first == fair.entry(promptID))
        }
        #expect(own(fair) == order.joined(separator: " "))
        #expect(fair.list().allSatisfy { $0.place < 61 })
    }
}
