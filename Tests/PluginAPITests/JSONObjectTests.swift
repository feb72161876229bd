import PluginAPI
import Testing

@Suite("JSON objects")
struct JSONObjectTests {
    @Test("keep the order of their keys", arguments: [3, 12, 13, 200])
    func order(count: Int) throws {
        let keys = (0..<count).map { "key \(($0 * 7919) % 1000)" }
        let text = "{" + keys.map { "\"\($0)\":0" }.joined(separator: ",") + "}"
        let json = try JSON(parsing: text)
        #expect(json.objectValue?.keys == keys)
        #expect(json.text() == text)
    }

    @Test("take the last value of equal keys and keep the first place", arguments: [0, 30])
    func duplicates(more: Int) throws {
        let rest = (0..<more).map { ",\"k\($0)\":0" }.joined()
        let object = try JSON(parsing: #"{"a":1,"b":2,"\u0061":3,"class_type":4,"class\u005ftype":5\#(rest)}"#)
            .objectValue
        #expect(object?.keys.prefix(3) == ["a", "b", "class_type"])
        #expect(object?.values.prefix(3) == [3, 2, 5])
        #expect(object?.count == 3 + more)
        let literal: JSON = ["a": 1, "b": 2, "a": 3]
        #expect(literal.text() == #"{"a":3,"b":2}"#)
    }

    @Test("tell keys apart by code points, not by looks", arguments: [0, 30])
    func canonicalEquivalence(more: Int) throws {
        let rest = (0..<more).map { ",\"k\($0)\":0" }.joined()
        let text = "{\"\u{E9}\":1,\"e\u{301}\":2\(rest)}"
        let json = try JSON(parsing: text)
        #expect(json["\u{E9}"] == 1)
        #expect(json["e\u{301}"] == 2)
        #expect(json.text() == text)
        #expect(JSON.string("\u{E9}") != JSON.string("e\u{301}"))
    }

    @Test("behave the same small and large while they change")
    func model() {
        var object = JSONObject()
        var model: [(key: String, value: Int)] = []
        var state: UInt64 = 1
        for step in 0..<2000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let key = "k\(state >> 33 % 40)"
            let place = model.firstIndex { $0.key == key }
            if state >> 60 < 5 {
                #expect(object.removeValue(forKey: key)?.intValue == place.map { model[$0].value })
                if let place { model.remove(at: place) }
            } else {
                object[key] = .number(JSONNumber(step))
                if let place { model[place].value = step } else { model.append((key, step)) }
            }
            #expect(object.contains(key) == model.contains { $0.key == key })
            #expect(object.count == model.count)
        }
        #expect(object.keys == model.map(\.key))
        #expect(object.values.map(\.intValue) == model.map(\.value))
        for (key, value) in model { #expect(object[key]?.intValue == value) }
        #expect(object["absent"] == nil)
    }

    @Test("lose a member that is set to nil")
    func removal() {
        var object: JSONObject = ["a": 1, "b": 2, "c": 3]
        object["b"] = nil
        object["absent"] = nil
        #expect(object.keys == ["a", "c"])
        #expect(object.removeValue(forKey: "b") == nil)
        object["a"] = .null
        #expect(object["a"]?.isNull == true)
        #expect(object.count == 2)
    }

    @Test("are equal whatever the order, and hash the same", arguments: [3, 50])
    func equality(count: Int) {
        let members = (0..<count).map { ("k\($0)", JSON.array([.number(JSONNumber($0))])) }
        let forward = JSONObject(members)
        let backward = JSONObject(members.reversed())
        #expect(forward == backward)
        #expect(Set([JSON.object(forward), .object(backward)]).count == 1)
        var other = backward
        other["k1"] = 5
        #expect(forward != other)
        other["k1"] = nil
        #expect(forward != other)
        other["new"] = [1]
        #expect(forward != other)
    }

    @Test("are values: a copy does not see later changes")
    func valueSemantics() {
        var object: JSONObject = ["a": ["b": 1]]
        let copy = object
        object["a"]?["b"] = 2
        object["c"] = 3
        #expect(copy == ["a": ["b": 1]])
        #expect(object == ["a": ["b": 2], "c": 3])
        #expect(copy.isEmpty == false)
        #expect(copy.map(\.key) == ["a"])
    }

    @Test("find keys fast among many, in a parsed object and in one that was built")
    func large() throws {
        let count = 50_000
        var built = JSONObject()
        built.reserveCapacity(count)
        for number in 0..<count { built["key \(number)"] = .number(JSONNumber(number)) }
        let parsed = try #require(try JSON(parsing: JSON.object(built).serialized()).objectValue)
        #expect(parsed == built)
        for number in stride(from: 0, to: count, by: 7) { #expect(parsed["key \(number)"]?.intValue == number) }
    }
}
