import PluginAPI
import Testing

@Suite("JSON scanner")
struct JSONScannerTests {
    @Test("it accepts and refuses what the parser does, at the same byte, skipping or walking")
    func agreement() {
        var accepted = 0
        for seed in UInt64(0)..<5_000 {
            var generator = JSONFuzzGenerator(seed: seed)
            var bytes = generator.document()
            if seed % 2 == 1 { generator.mutate(&bytes) }
            let expected = Result { () throws(JSONParseError) in try JSON(parsing: bytes) }
            if case .success = expected { accepted += 1 }
            let skipped = Self.scan(bytes) { scanner throws(JSONParseError) in try scanner.skip() }
            let walked = Self.scan(bytes) { scanner throws(JSONParseError) in try Self.walk(&scanner) }
            #expect(skipped == Self.failure(expected), "seed \(seed)")
            #expect(walked == Self.failure(expected), "seed \(seed)")
        }
        #expect(accepted > 2_500)
    }

    @Test("the places it gives hold the values, without the white space around them")
    func places() throws {
        let text = " { \"a\" : [1, {\"x\": \"\\u00e4}\"} ,  -2.50e3 ] , \"b\":\"ä\" , \"\":{} } "
        let found = try Self.members(Array(text.utf8))
        #expect(found.map(\.0) == ["a", "b", ""])
        #expect(found.map(\.1) == ["[1, {\"x\": \"\\u00e4}\"} ,  -2.50e3 ]", "\"ä\"", "{}"])
    }

    @Test("depth counts what was entered and what is skipped, and Python's words need to be allowed")
    func limits() throws {
        let nested = Array((String(repeating: "[", count: 4) + String(repeating: "]", count: 4)).utf8)
        for (depth, isFine) in [(3, false), (4, true)] {
            let options = JSONParseOptions(maximumDepth: depth)
            let failure = Self.scan(nested, options) { scanner throws(JSONParseError) in
                try scanner.beginArray()
                while try scanner.nextElement() { try scanner.skip() }
            }
            #expect((failure == nil) == isFine)
        }
        let words = Array("[NaN,-Infinity]".utf8)
        #expect(Self.scan(words) { scanner throws(JSONParseError) in try scanner.skip() } != nil)
        let python = JSONParseOptions(allowsNonFiniteNumbers: true)
        #expect(Self.scan(words, python) { scanner throws(JSONParseError) in try scanner.skip() } == nil)
    }

    @Test("a container that is not there, and one that is left open, are errors")
    func misuse() {
        let text = Array("[1]".utf8)
        #expect(Self.scan(text) { scanner throws(JSONParseError) in try scanner.beginObject() } != nil)
        #expect(Self.scan(text) { scanner throws(JSONParseError) in try scanner.beginArray() } != nil)
        #expect(Self.scan([]) { scanner throws(JSONParseError) in try scanner.beginArray() } != nil)
    }

    private static func failure(_ result: Result<JSON, JSONParseError>) -> JSONParseError? {
        if case .failure(let error) = result { return error }
        return nil
    }

    /// What stops a walk over a whole text.
    private static func scan(
        _ bytes: [UInt8], _ options: JSONParseOptions = JSONParseOptions(),
        _ body: (inout JSONScanner) throws(JSONParseError) -> Void
    ) -> JSONParseError? {
        bytes.withUnsafeBufferPointer { buffer in
            var scanner = JSONScanner(buffer, options: options)
            do throws(JSONParseError) {
                try body(&scanner)
                try scanner.end()
                return nil
            } catch {
                return error
            }
        }
    }

    private static func walk(_ scanner: inout JSONScanner) throws(JSONParseError) {
        switch scanner.kind {
        case .object:
            try scanner.beginObject()
            while try scanner.nextKey() != nil { try walk(&scanner) }
        case .array:
            try scanner.beginArray()
            while try scanner.nextElement() { try walk(&scanner) }
        case .string, .other: try scanner.skip()
        @unknown default: try scanner.skip()
        }
    }

    private static func members(_ bytes: [UInt8]) throws -> [(String, String)] {
        try bytes.withUnsafeBufferPointer { buffer in
            var scanner = JSONScanner(buffer)
            var found: [(String, String)] = []
            try scanner.beginObject()
            while let key = try scanner.nextKey() {
                found.append((key, String(decoding: buffer[try scanner.skip()], as: UTF8.self)))
            }
            try scanner.end()
            return found
        }
    }
}
