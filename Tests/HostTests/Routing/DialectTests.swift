import Host
import PluginAPI
import PluginTestKit
import Testing

/// Small examples of the dialects that plugins bring (`spec/errors.md` §1), all through one router.
@Suite("Error dialects")
struct DialectTests {
    /// 000/001: an upper-case keyword; a list for malformed bodies.
    static let admin = Surface(name: "admin") { error, _ in
        let detail: JSON = error.code == "http.bad_body" ? error.details ?? [] : .string(keyword(error))
        return .json(["detail": detail], status: error.status)
    }

    /// 002: a text and the status; malformed bodies are 400.
    static let workflow = Surface(name: "workflow") { error, _ in
        let status: Status = error.status == .unprocessableContent ? 400 : error.status
        return .json(
            ["error": .string(error.message), "status_code": .number(JSONNumber(status.code))], status: status)
    }

    /// 003: a text, a worker's own error object, or a list.
    static let gateway = Surface(name: "gateway") { error, _ in
        .json(["detail": error.details ?? .string(error.message)], status: error.status)
    }

    /// 004: an object with code and message.
    static let layered = Surface(name: "layered") { error, _ in
        let isGeneral = error.code.hasPrefix("http.") && error.code != "http.bad_body"
        let detail: JSON =
            error.code == "http.bad_body"
            ? error.details ?? []
            : isGeneral
                ? .string(error.message) : ["code": .string(error.code), "message": .string(error.message)]
        return .json(["detail": detail], status: error.status)
    }

    static func keyword(_ error: HTTPError) -> String {
        error.code.hasPrefix("http.") ? error.message : error.code
    }

    struct Body: Decodable {
        var weight: Int
    }

    static func fixture() throws -> RouterFixture {
        try RouterFixture { setup in
            for (prefix, surface) in [
                ("/api/admin", admin), ("/api/workflow", workflow), ("/api/workers", gateway), ("/api/v1", layered),
            ] {
                setup.rootRoutes(claiming: [prefix], surface: surface, access: .open) { routes in
                    routes.post("\(prefix)/body", docs: "A test.") { request in
                        String(try await request.decode(Body.self).weight)
                    }
                    routes.get("\(prefix)/refused", docs: "A test.") { _ -> String in
                        throw HTTPError(
                            .badRequest, "CODE", "Words.", details: prefix == "/api/workers" ? ["type": "x"] : nil)
                    }
                    routes.get("\(prefix)/crash", docs: "A test.") { _ -> String in throw RouterTests.Defect() }
                }
            }
        }
    }

    static let invalid = #"[{"type":"value_error","loc":["body","weight"],"msg":"Field required"}]"#

    @Test(
        "each surface gets its own form of every error",
        arguments: [
            ("GET /api/admin/refused", 400, #"{"detail":"CODE"}"#),
            ("GET /api/admin/nothing", 404, #"{"detail":"Not Found"}"#),
            ("PUT /api/admin/body", 405, #"{"detail":"Method Not Allowed"}"#),
            ("POST /api/admin/body", 422, #"{"detail":"# + invalid + "}"),
            ("GET /api/admin/crash", 500, #"{"detail":"internal"}"#),
            ("GET /api/workflow/refused", 400, #"{"error":"Words.","status_code":400}"#),
            ("GET /api/workflow/nothing", 404, #"{"error":"Not Found","status_code":404}"#),
            ("PUT /api/workflow/body", 405, #"{"error":"Method Not Allowed","status_code":405}"#),
            ("POST /api/workflow/body", 400, #"{"error":"body.weight: Field required","status_code":400}"#),
            ("GET /api/workflow/crash", 500, #"{"error":"Internal Server Error","status_code":500}"#),
            ("GET /api/workers/refused", 400, #"{"detail":{"type":"x"}}"#),
            ("GET /api/workers/nothing", 404, #"{"detail":"Not Found"}"#),
            ("POST /api/workers/body", 422, #"{"detail":"# + invalid + "}"),
            ("GET /api/workers/crash", 500, #"{"detail":"Internal Server Error"}"#),
            ("GET /api/v1/refused", 400, #"{"detail":{"code":"CODE","message":"Words."}}"#),
            ("GET /api/v1/nothing", 404, #"{"detail":"Not Found"}"#),
            ("POST /api/v1/body", 422, #"{"detail":"# + invalid + "}"),
            ("GET /api/v1/crash", 500, #"{"detail":{"code":"internal","message":"Internal Server Error"}}"#),
        ])
    func dialects(line: String, status: Int, body: String) async throws {
        let fixture = try Self.fixture()
        let parts = line.split(separator: " ").map(String.init)
        var request = fixture.request(HTTPMethod(rawValue: parts[0]), parts[1])
        request.body = HTTPBody(Array("{}".utf8))
        guard case .response(let response) = await fixture.router.respond(to: request) else { return }
        let answer = await TestResponse(response)
        #expect(answer.status.code == status)
        #expect(answer.text == body)
        #expect(answer.headers["X-Request-Id"] == "r1")
    }

    @Test("the host's own dialect has all keys, and the list for a bad body")
    func native() async throws {
        let fixture = try RouterFixture()
        let missing = await fixture.send(.get, "/nothing")
        #expect(
            missing.text
                == #"{"detail":"Not Found","error":"Not Found","status_code":404,"code":"http.not_found","request_id":"r1"}"#
        )
        let error = HTTPError.invalid([(["body", "weight"], "Field required")])
        let invalid = await TestResponse(fixture.router.refusal(error, for: fixture.request(.post, "/x")))
        #expect(invalid.json?["detail"]?[0]?["loc"] == ["body", "weight"])
        #expect(invalid.json?["code"] == "http.bad_body")
    }
}
