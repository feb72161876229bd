import PluginAPI
import Testing

@Suite("Forms of JSON bodies")
struct BodyFormTests {
    /// The refusal of a form, line by line.
    private func problems(_ body: JSONObject, _ read: (inout BodyForm) -> Void) -> [JSON] {
        var form = BodyForm(body)
        read(&form)
        do {
            try form.finish()
            return []
        } catch {
            return (error as? HTTPError)?.details?.arrayValue ?? []
        }
    }

    private func body(_ text: String, mayBeAbsent: Bool, depth: Int = 8) async throws -> JSONObject {
        let request = Request(id: "r", method: .post, target: "/", body: HTTPBody(Array(text.utf8)))
        return try await BodyForm.object(request, limit: 1000, mayBeAbsent: mayBeAbsent, maximumDepth: depth)
    }

    @Test("a body that may be left out may also be blank or null", arguments: ["", " \r\n\t", "null", " null "])
    func absent(text: String) async throws {
        #expect(try await body(text, mayBeAbsent: true) == [:])
        await #expect(throws: HTTPError.self) { _ = try await body(text, mayBeAbsent: false) }
    }

    @Test("what is no object is refused", arguments: ["[]", "1", "nul", "{", #"{"a":[[[[[[[[1]]]]]]]]}"#])
    func refused(text: String) async throws {
        for mayBeAbsent in [true, false] {
            do {
                _ = try await body(text, mayBeAbsent: mayBeAbsent)
                Issue.record("\(text) was taken")
            } catch let error as HTTPError {
                #expect(error.status == .unprocessableContent)
            }
        }
    }

    @Test("required values are missed, and truth values are read as FastAPI reads them")
    func required() {
        #expect(
            problems([:]) { form in
                _ = form.required("a")
                _ = form.requiredBool("b")
            }.map { $0["type"] } == ["missing", "missing"])
        for (value, expected) in [(true, true), (1, true), ("on", true), ("FALSE", false), (0, false)] as [(JSON, Bool)]
        {
            var read: Bool?
            #expect(problems(["b": value]) { read = $0.requiredBool("b") } == [])
            #expect(read == expected)
        }
        for value in [.null, 2, "maybe", [], [:]] as [JSON] {
            #expect(problems(["b": value]) { _ = $0.requiredBool("b") }.map { $0["type"] } == ["bool_type"], "\(value)")
        }
        #expect(problems(["a": .null]) { _ = $0.required("a") } == [])
    }

    @Test("a refusal repeats the beginning of a text, also of one that is a single character of many marks")
    func echo() {
        for text in [String(repeating: "x", count: 5000), "e" + String(repeating: "\u{301}", count: 5000)] {
            let lines = problems(["n": .string(text)]) { _ = $0.integer("n") }
            let echo = lines.first?["input"]?.stringValue ?? ""
            #expect(echo.unicodeScalars.count == 201)
        }
    }
}
