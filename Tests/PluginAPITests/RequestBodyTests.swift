import PluginAPI
import Testing

@Suite("a request's JSON body")
struct RequestBodyTests {
    private func request(_ headers: HTTPFields, _ body: String = "{\"a\": 1}") -> Request {
        Request(id: "r", method: .post, target: "/", headers: headers, body: HTTPBody(Array(body.utf8)))
    }

    @Test(
        "any text type is read, as ComfyUI does",
        arguments: ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
    func types(type: String) async throws {
        let value = try await request(["Content-Type": type, "Content-Encoding": "identity"]).json()
        #expect(value["a"]?.intValue == 1)
    }

    @Test(
        "a compressed body or a form with files is 415",
        arguments: [("Content-Encoding", "gzip"), ("Content-Type", "Multipart/form-data; boundary=x")])
    func refused(name: String, value: String) async throws {
        let request = request([name: value])
        let error = try await #require(throws: HTTPError.self) { try await request.json() }
        #expect(error.status == .unsupportedMediaType)
    }

    @Test("a body above the limit is 413, and broken JSON is 400 with its place")
    func limits() async throws {
        let large = request([:])
        let tooLarge = try await #require(throws: HTTPError.self) { try await large.json(limit: 3) }
        #expect(tooLarge.status == .contentTooLarge)
        let broken = request([:], "{\"a\": }")
        let bad = try await #require(throws: HTTPError.self) { try await broken.json() }
        #expect(bad.status == .badRequest)
        #expect(bad.message.contains("line 1"))
    }
}
