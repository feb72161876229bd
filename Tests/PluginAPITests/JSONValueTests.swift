import PluginAPI
import Testing

@Suite("JSON values")
struct JSONValueTests {
    @Test("literals become values, in order")
    func literals() {
        let json: JSON = ["z": nil, "a": true, "m": 1, "b": 1.5, "s": "x", "l": [1, "two", [:]]]
        #expect(json.text() == #"{"z":null,"a":true,"m":1,"b":1.5,"s":"x","l":[1,"two",{}]}"#)
        let name = "node"
        let interpolated: JSON = "a \(name)"
        #expect(interpolated == .string("a node"))
    }

    @Test("accessors answer for their own kind only")
    func accessors() {
        let kinds: [JSON] = [nil, true, 7, "s", [1], ["k": 1]]
        #expect(kinds.map(\.isNull) == [true, false, false, false, false, false])
        #expect(kinds.map(\.boolValue) == [nil, true, nil, nil, nil, nil])
        #expect(kinds.map(\.intValue) == [nil, nil, 7, nil, nil, nil])
        #expect(kinds.map(\.doubleValue) == [nil, nil, 7, nil, nil, nil])
        #expect(kinds.map(\.numberValue) == [nil, nil, 7, nil, nil, nil])
        #expect(kinds.map(\.stringValue) == [nil, nil, nil, "s", nil, nil])
        #expect(kinds.map(\.arrayValue) == [nil, nil, nil, nil, [1], nil])
        #expect(kinds.map(\.objectValue) == [nil, nil, nil, nil, nil, ["k": 1]])
    }

    @Test("a subscript never traps")
    func subscripts() {
        let json: JSON = ["a": [10, ["b": 20]]]
        #expect(json["a"]?[1]?["b"] == 20)
        #expect(json["a"]?[2] == nil)
        #expect(json["a"]?[-1] == nil)
        #expect(json["a"]?[Int.max] == nil)
        #expect(json["a"]?[Int.min] == nil)
        #expect(json[0] == nil)
        #expect(json["a"]?["b"] == nil)
        #expect(JSON.null["a"] == nil)
        #expect(JSON.string("x")[0] == nil)
    }

    @Test("setting a member makes an object where there was none")
    func setting() {
        var json: JSON = 1
        json["absent"] = nil
        #expect(json == 1)
        json["a"] = 2
        #expect(json == ["a": 2])
        json["b"] = ["c": 3]
        json["b"]?["c"] = 4
        json["b"]?["d"] = "x"
        json["absent"]?["d"] = "x"
        json["a"] = nil
        #expect(json.text() == #"{"b":{"c":4,"d":"x"}}"#)
    }

    @Test("values of different kinds differ, equal ones hash the same")
    func hashing() {
        let values: [JSON] = [
            nil, false, 0, "", [], [:], "0", "null", [[]], [nil], ["": nil], 0.0, true, ["a": 1], [1, 2], [2, 1],
        ]
        #expect(Set(values).count == values.count)
        #expect(Set(values + values).count == values.count)
    }
}
