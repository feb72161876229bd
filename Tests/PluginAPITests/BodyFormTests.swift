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

    @Test("an object may be absent or null, but be nothing else")
    func optionalObject() {
        var read: JSONObject?
        #expect(problems(["o": ["a": 1]]) { read = $0.object("o") } == [])
        #expect(read == ["a": 1])
        for body in [[:], ["o": .null]] as [JSONObject] {
            #expect(problems(body) { read = $0.object("o") } == [])
            #expect(read == nil)
        }
        for value in [[], "{}", 1, true] as [JSON] {
            #expect(problems(["o": value]) { _ = $0.object("o") }.map { $0["type"] } == ["dict_type"], "\(value)")
        }
    }

    @Test(
        "a page of a list is within its limits whatever is asked for",
        arguments: [
            ("", 50, 0), ("limit=0", 1, 0), ("limit=-5&offset=3", 1, 3), ("limit=201", 200, 0),
            ("limit=7&offset=0", 7, 0),
        ])
    func page(query: String, limit: Int, offset: Int) throws {
        var form = QueryForm(QueryItems(parsing: query))
        let page = ListPage(&form)
        try form.finish()
        #expect(page.limit == limit)
        #expect(page.offset == offset)
    }

    @Test("an offset below 0 is refused")
    func offset() {
        var form = QueryForm(QueryItems(parsing: "offset=-1"))
        _ = ListPage(&form)
        #expect(throws: HTTPError.self) { try form.finish() }
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
