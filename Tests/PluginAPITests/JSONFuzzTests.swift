import CJansson
import PluginAPI
import Testing

/// Jansson is an independent judge of what is JSON and what it means.
@Suite("JSON beside jansson")
struct JSONFuzzTests {
    /// With `JSON_FUZZ_SEED` one document is tried, with `JSON_FUZZ_ROUNDS` more than usual.
    private static func setting(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }

    @Test("both agree on random documents and on damaged ones, about the verdict and the value")
    func agreement() {
        let only = Self.setting("JSON_FUZZ_SEED")
        let rounds = only == nil ? Self.setting("JSON_FUZZ_ROUNDS") ?? 20_000 : 1
        var accepted = 0
        for round in 0..<rounds {
            let seed = only ?? 20_260 + round
            var generator = JSONFuzzGenerator(seed: seed)
            var bytes = generator.document()
            let isDamaged = seed % 2 == 1
            if isDamaged { generator.mutate(&bytes) }
            let verdict = Self.compare(bytes)
            if verdict.accepted { accepted += 1 }
            var problem = verdict.problem
            if problem == nil, !isDamaged, !verdict.accepted { problem = "a valid document was refused" }
            guard let problem else { continue }
            Issue.record(
                "\(problem); JSON_FUZZ_SEED=\(seed), input: \(String(decoding: bytes, as: UTF8.self).debugDescription)")
            return
        }
        if only == nil { #expect(accepted > rounds / 2) }
    }

    private static func compare(_ bytes: [UInt8]) -> (accepted: Bool, problem: String?) {
        let ours = try? JSON(parsing: bytes)
        // Jansson loses zero bytes outside of strings; the grammar allows none anywhere.
        guard !bytes.contains(0) else { return (ours != nil, ours == nil ? nil : "a zero byte was accepted") }
        var error = json_error_t()
        let flags = Int(JSON_DECODE_ANY | JSON_ALLOW_NUL)
        let theirs = bytes.withUnsafeBytes { json_loadb($0.baseAddress, $0.count, flags, &error) }
        defer { json_decref(theirs) }
        switch (ours, theirs) {
        case (nil, nil):
            return (false, nil)
        case (let ours?, let theirs?):
            if let difference = difference(ours, theirs) { return (true, difference) }
            for style in [JSONStyle.compact, .spaced, .pretty]
            where (try? JSON(parsing: ours.serialized(style))) != ours {
                return (true, "our own text does not parse to the same value")
            }
            return (true, nil)
        case (nil, _?):
            return (false, "jansson accepts what we refuse")
        case (_?, nil):
            let text = withUnsafeBytes(of: &error.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            return (true, isKnownDifference(text, bytes) ? nil : "jansson refuses what we accept: \(text)")
        }
    }

    /// What jansson documents that it refuses, although it is JSON.
    ///
    /// The text is asked, because a member that an equal key has replaced is no longer in the value.
    private static func isKnownDifference(_ message: String, _ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self).lowercased()
        if message.contains("too big") || message.contains("overflow") || message.contains("too negative") {
            let words = text.split { !"-+.e0123456789".contains($0) }
            return words.contains { JSONNumber(literal: String($0))?.fitsJansson == false }
        }
        if message.contains("NUL byte in object key") { return text.contains(#"\u0000"#) }
        // Half a surrogate pair, which Python accepts.
        if message.contains("invalid Unicode") { return text.contains(#"\ud"#) }
        return bytes.starts(with: [0xEF, 0xBB, 0xBF])
    }
}

// MARK: - Values

extension JSONFuzzTests {
    private static func difference(_ ours: JSON, _ theirs: UnsafeMutablePointer<json_t>) -> String? {
        switch (ours, theirs.pointee.type) {
        case (.null, JSON_NULL), (.bool(true), JSON_TRUE), (.bool(false), JSON_FALSE):
            return nil
        case (.string(let string), JSON_STRING):
            let bytes = UnsafeRawBufferPointer(start: json_string_value(theirs), count: json_string_length(theirs))
            return string.utf8.elementsEqual(bytes) ? nil : "the string \(string.debugDescription) differs"
        case (.number(let number), JSON_INTEGER):
            return number.int == Int(json_integer_value(theirs)) ? nil : "the integer \(number) differs"
        case (.number(let number), JSON_REAL):
            return number.double?.bitPattern == json_real_value(theirs).bitPattern
                ? nil : "the number \(number) differs"
        case (.array(let elements), JSON_ARRAY):
            guard elements.count == json_array_size(theirs) else { return "an array differs in size" }
            for (index, element) in elements.enumerated() {
                guard let other = json_array_get(theirs, index) else { return "an array differs in size" }
                if let difference = difference(element, other) { return difference }
            }
            return nil
        case (.object(let object), JSON_OBJECT):
            return difference(object, theirs)
        default:
            return "the kind of \(ours) differs"
        }
    }

    private static func difference(_ ours: JSONObject, _ theirs: UnsafeMutablePointer<json_t>) -> String? {
        guard ours.count == json_object_size(theirs) else { return "an object differs in size" }
        var iterator = json_object_iter(theirs)
        for (key, value) in ours {
            guard let name = json_object_iter_key(iterator), let other = json_object_iter_value(iterator) else {
                return "an object differs in size"
            }
            guard key.utf8.elementsEqual(String(cString: name).utf8) else {
                return "the order of keys differs at \(key.debugDescription)"
            }
            if let difference = difference(value, other) { return difference }
            iterator = json_object_iter_next(theirs, iterator)
        }
        return nil
    }
}

extension JSONNumber {
    /// Whether jansson can hold it: an integer literal as 64 signed bits, anything else as a `Double`.
    fileprivate var fitsJansson: Bool {
        let isInteger = !literal.contains { ".eE".contains($0) }
        return isInteger ? Int(literal) != nil : double != nil
    }
}
