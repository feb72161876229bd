import PluginAPI
import PluginTestKit
import Testing

@testable import Simulator

@Suite("Queue and history")
struct QueueTests {
    private static func item(_ number: JSONNumber, _ id: String, _ prompt: JSONObject = [:]) -> QueueItem {
        QueueItem(number: number, promptID: id, prompt: prompt, extraData: [:], outputs: [])
    }

    @Test("pending jobs stand in the order of Python's heap and leave by number, then by id")
    func heapOrder() throws {
        var queue = PromptQueue()
        let posted: [(JSONNumber, String)] = [
            (75, "a"), (76, "b"), (-77, "c"), (5.0, "d"), (-1000.0, "e"), (78, "f"), (-79, "g"), (5.0, "h"),
            (100_000.0, "k"),
        ]
        for (number, id) in posted { try queue.push(Self.item(number, id)) }
        #expect(queue.items.map(\.promptID) == ["e", "c", "g", "h", "d", "f", "a", "b", "k"])
        var order: [String] = []
        while let item = queue.pop() { order.append(item.promptID) }
        #expect(order == ["e", "g", "c", "d", "h", "a", "b", "f", "k"])
    }

    @Test("removing an entry keeps the heap in order")
    func remove() throws {
        var queue = PromptQueue()
        for number in [5, 3, 8, 1, 9, 2, 7] { try queue.push(Self.item(JSONNumber(number), "\(number)")) }
        let removals = [queue.remove("3"), queue.remove("3")]
        #expect(removals == [true, false])
        var order: [String] = []
        while let item = queue.pop() { order.append(item.promptID) }
        #expect(order == ["1", "2", "5", "7", "8", "9"])
    }

    @Test("two entries of one number and id cannot be compared, but both are queued")
    func notComparable() throws {
        var queue = PromptQueue()
        try queue.push(Self.item(1, "a", ["1": [:]]))
        #expect(throws: QueueItem.NotComparable.self) { try queue.push(Self.item(1, "a", ["2": [:]])) }
        #expect(queue.count == 2)
        try queue.push(Self.item(1, "a", ["1": [:]]))
    }

    @Test("numbers come from a counter that refused prompts use up, front makes them negative")
    func numbering() async throws {
        let fixture = try SimulatorFixture()
        let post = { (more: JSONObject) async -> JSON? in
            var body: JSONObject = ["prompt": SimulatorFixture.prompt()]
            for (key, value) in more { body[key] = value }
            return await fixture.post("/prompt", .object(body)).json?["number"]
        }
        #expect(await post([:]) == 0)
        #expect(await fixture.post("/prompt", ["client_id": "x"]).status == 400)
        #expect(await post(["front": true]) == -2)
        #expect(await post(["number": "4"]) == 4.0)
        #expect(await post([:]) == 3)
        let infinite = await fixture.send(
            .post, "/prompt",
            body: Array(
                #"{"prompt": \#(SimulatorFixture.prompt().text()), "number": Infinity}"#.utf8))
        #expect(infinite.text.contains(#""number": Infinity"#))
    }

    @Test(
        "the id of a prompt is made text as Python does",
        arguments: [
            ("12345", "12345"), ("null", "None"), (#"["x"]"#, "['x']"), (#""""#, ""), ("1.5", "1.5"), ("true", "True"),
            (#"{"a": "it's"}"#, #"{'a': "it's"}"#),
        ])
    func promptID(given: String, expected: String) throws {
        #expect(Python.str(try JSON(parsing: given)) == expected)
    }

    @Test("the history keeps ten thousand entries and drops the oldest")
    func historyLimit() {
        var history = PromptHistory()
        for number in 0..<PromptHistory.limit + 5 { history.put("\(number)", Array("{}".utf8)) }
        #expect(history.count == PromptHistory.limit)
        #expect(history.text(of: "4") == Array("{}".utf8))
        #expect(history.text(of: "5") == Array(#"{"5": {}}"#.utf8))
        #expect(history.page(maximum: 1, offset: 0) == Array(#"{"5": {}}"#.utf8))
        #expect(history.page(maximum: 1, offset: -1) == Array(#"{"10004": {}}"#.utf8))
    }

    @Test("an id that comes again replaces its entry in place, and removed ones leave no gap")
    func historyOrder() {
        var history = PromptHistory()
        for id in ["a", "b", "c"] { history.put(id, Array("1".utf8)) }
        history.put("a", Array("2".utf8))
        history.remove("b")
        #expect(history.page(maximum: nil, offset: -1) == Array(#"{"a": 2, "c": 1}"#.utf8))
        #expect(history.page(maximum: nil, offset: 1) == Array(#"{"c": 1}"#.utf8))
        #expect(history.page(maximum: .min, offset: -1) == Array("{}".utf8))
    }
}
