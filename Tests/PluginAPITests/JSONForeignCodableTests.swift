import FoundationEssentials
import PluginAPI
import Testing

@Suite("JSON in other encoders")
struct JSONForeignCodableTests {
    @Test("a value survives an encoder and a decoder that are not ours")
    func roundTrip() throws {
        let json: JSON = [
            "null": nil, "flag": true, "int": -7, "seed": .number(JSONNumber(UInt64.max)), "half": 0.5, "text": "é\n",
            "list": [1, [], [:], "x", nil], "nested": ["a": ["b": false]],
        ]
        let data = try JSONEncoder().encode(json)
        #expect(try JSON(parsing: Array(data)) == json)
        #expect(try JSONDecoder().decode(JSON.self, from: data) == json)
        #expect(try JSONDecoder().decode(JSONObject.self, from: data) == json.objectValue)
        #expect(try JSONDecoder().decode([JSONNumber].self, from: Data("[1,2.5]".utf8)) == [1, 2.5])
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([JSONNumber].self, from: Data("[true]".utf8)) }
    }

    @Test("a number no encoder can hold is refused")
    func tooLarge() throws {
        let json = try JSON(parsing: "[1e400]")
        #expect(throws: EncodingError.self) { try JSONEncoder().encode(json) }
    }
}
