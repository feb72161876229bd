import PluginAPI
import Testing

@Suite("JSON coding")
struct JSONCodableTests {
    struct Worker: Codable, Equatable {
        enum Mode: String, Codable { case fast, slow }
        var name: String
        var port: UInt16
        var weight: Double
        var ratio: Float
        var mode: Mode
        var tags: [String]
        var limits: [String: Int]
        var note: String?
        var graph: JSON
    }

    private let worker = Worker(
        name: "gpu-1", port: 8188, weight: 0.1, ratio: 0.1, mode: .slow, tags: ["a", "b"], limits: ["x": 1], note: nil,
        graph: ["z": .number(JSONNumber(UInt64.max)), "a": [nil, 8.0]])

    @Test("a type survives encoding and decoding, in the order of its properties")
    func roundTrip() throws {
        let json = try JSON(encoding: worker)
        let expected =
            #"{"name":"gpu-1","port":8188,"weight":0.1,"ratio":0.1,"mode":"slow","tags":["a","b"],"limits":{"x":1},"#
            + #""graph":{"z":18446744073709551615,"a":[null,8.0]}}"#
        #expect(json.text() == expected)
        #expect(try json.decode(Worker.self) == worker)
        #expect(try JSON(parsing: json.serialized()).decode(Worker.self) == worker)
    }

    @Test("values of this library pass through untouched, at any depth")
    func passThrough() throws {
        struct Holder: Codable, Equatable {
            var json: JSON
            var number: JSONNumber
            var object: JSONObject
            var list: [JSON]
            var some: JSON?
        }
        let text = #"{"json":{"b":1E+5,"a":-0},"number":8.00,"object":{"z":0.10,"y":[]},"list":[1.0,"x"],"some":1e400}"#
        let holder = try JSON(parsing: text).decode(Holder.self)
        #expect(holder.json.text() == #"{"b":1E+5,"a":-0}"#)
        #expect(holder.number.literal == "8.00")
        #expect(try JSON(encoding: holder).text() == text)
        #expect(try JSON(encoding: [holder.json]).decode([JSON].self) == [holder.json])
        #expect(try JSON(encoding: JSON.null) == .null)
        #expect(throws: DecodingError.self) { try JSON.string("x").decode(JSONNumber.self) }
        #expect(throws: DecodingError.self) { try JSON.string("x").decode(JSONObject.self) }
    }

    @Test(
        "an error names the place and the reason",
        arguments: [
            (#"{"jobs":[{"id":"a"},{"id":5}]}"#, "jobs.1.id", "expected a string, found a number"),
            (#"{"jobs":[{}]}"#, "jobs.0", #"no member named "id""#),
            (#"{"jobs":{}}"#, "jobs", "expected an array, found an object"),
            (#"{"jobs":null}"#, "jobs", "expected an array, found null"),
            (#"{"jobs":["x"]}"#, "jobs.0", "expected an object, found a string"),
            (#"{"jobs":[{"id":"a","tries":8.5}]}"#, "jobs.0.tries", "the number 8.5 does not fit in UInt8"),
            (#"{"jobs":[{"id":"a","tries":256}]}"#, "jobs.0.tries", "the number 256 does not fit in UInt8"),
            (#"{"jobs":[{"id":"a","tries":-1}]}"#, "jobs.0.tries", "the number -1 does not fit in UInt8"),
            (#"{"jobs":[{"id":"a","cost":1e999}]}"#, "jobs.0.cost", "the number 1e999 does not fit in Double"),
            (#"{"jobs":[{"id":"a","cost":true}]}"#, "jobs.0.cost", "expected a number, found true or false"),
            ("[]", "", "expected an object, found an array"),
        ])
    func errors(text: String, path: String, reason: String) throws {
        struct Job: Decodable {
            var id: String
            var tries: UInt8?
            var cost: Double?
        }
        struct Queue: Decodable {
            var jobs: [Job]
        }
        let json = try JSON(parsing: text)
        let error = #expect(throws: DecodingError.self) { try json.decode(Queue.self) }
        let context = try #require(error?.context)
        #expect(
            context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".") == path)
        #expect(context.debugDescription == reason)
    }

    @Test("integers are taken in any exact spelling and any width")
    func integers() throws {
        #expect(try JSON(parsing: "[8.0, 1e2, -0, 127]").decode([Int8].self) == [8, 100, 0, 127])
        #expect(try JSON(parsing: "18446744073709551615").decode(UInt64.self) == .max)
        #expect(try JSON(parsing: "18446744073709551615").decode(UInt.self) == .max)
        #expect(try JSON(parsing: "-9223372036854775808").decode(Int64.self) == .min)
        #expect(throws: DecodingError.self) { try JSON(parsing: "18446744073709551615").decode(Int.self) }
        #expect(throws: DecodingError.self) { try JSON(parsing: "true").decode(Int.self) }
        #expect(throws: DecodingError.self) { try JSON(parsing: "1").decode(Bool.self) }
        #expect(throws: DecodingError.self) { try JSON(parsing: "\"1\"").decode(Int.self) }
        #expect(throws: DecodingError.self) { try JSON(parsing: "1e39").decode(Float.self) }
        #expect(try JSON(parsing: "0.1").decode(Float.self) == 0.1)
    }

    @Test("what is not finite is refused with its place")
    func nonFinite() throws {
        let error = #expect(throws: EncodingError.self) { try JSON(encoding: ["a": [1, Double.nan]]) }
        guard case .invalidValue(_, let context)? = error else { return #expect(Bool(false)) }
        #expect(context.codingPath.map(\.stringValue) == ["a", "Index 1"])
    }

    @Test("scalars, optionals and nested lists encode at the top")
    func topLevel() throws {
        #expect(try JSON(encoding: 5) == 5)
        #expect(try JSON(encoding: "x") == "x")
        #expect(try JSON(encoding: Int?.none) == .null)
        #expect(try JSON(encoding: [[1], [], nil]) == [[1], [], nil])
        #expect(try JSON(encoding: [Bool]()) == [])
        #expect(try JSON.null.decode(Int?.self) == nil)
        #expect(try JSON(parsing: "[1,null]").decode([Int?].self) == [1, nil])
        struct Nothing: Encodable { func encode(to encoder: any Encoder) {} }
        #expect(throws: EncodingError.self) { try JSON(encoding: Nothing()) }
        #expect(try JSON(encoding: [Nothing()]) == [[:]])
    }

    @Test("a subclass codes its superclass beside itself")
    func inheritance() throws {
        let json = try JSON(encoding: Derived(base: 1, own: 2))
        #expect(json == ["own": 2, "super": ["base": 1]])
        let derived = try json.decode(Derived.self)
        #expect(derived.base == 1)
        #expect(derived.own == 2)
    }

    @Test("nested containers fill the value in the order of the calls")
    func nestedContainers() throws {
        let json = try JSON(encoding: Nested())
        #expect(json.text() == #"{"list":[1,{"deep":[null,"x"]},[true]],"last":{"deep":2}}"#)
        #expect(throws: Never.self) { try json.decode(Nested.self) }
    }

    private class Base: Codable {
        var base: Int
        init(base: Int) { self.base = base }
    }

    private final class Derived: Base {
        var own: Int

        enum CodingKeys: CodingKey { case own }

        init(base: Int, own: Int) {
            self.own = own
            super.init(base: base)
        }

        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            own = try container.decode(Int.self, forKey: .own)
            try super.init(from: container.superDecoder())
        }

        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(own, forKey: .own)
            try super.encode(to: container.superEncoder())
        }
    }

    private struct Nested: Codable {
        enum CodingKeys: CodingKey { case list, last, deep }

        init() {}

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            var list = try container.nestedUnkeyedContainer(forKey: .list)
            #expect(list.count == 3)
            #expect(try list.decodeNil() == false)
            #expect(try list.decode(Int.self) == 1)
            var deep = try list.nestedContainer(keyedBy: CodingKeys.self).nestedUnkeyedContainer(forKey: .deep)
            #expect(try deep.decodeNil())
            #expect(try deep.decode(String.self) == "x")
            #expect(deep.isAtEnd)
            #expect(throws: DecodingError.self) { try deep.decode(Int.self) }
            var flags = try list.nestedUnkeyedContainer()
            #expect(try flags.decode(Bool.self))
            #expect(list.currentIndex == 3)
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            var list = container.nestedUnkeyedContainer(forKey: .list)
            var last = container.nestedContainer(keyedBy: CodingKeys.self, forKey: .last)
            try list.encode(1)
            var element = list.nestedContainer(keyedBy: CodingKeys.self)
            try last.encode(2, forKey: .deep)
            var deep = element.nestedUnkeyedContainer(forKey: .deep)
            try deep.encodeNil()
            var flags = list.nestedUnkeyedContainer()
            try flags.encode(true)
            try deep.encode("x")
            #expect(list.count == 3)
        }
    }
}

extension DecodingError {
    fileprivate var context: Context? {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            context
        @unknown default: nil
        }
    }
}
