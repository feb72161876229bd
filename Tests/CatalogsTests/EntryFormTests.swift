import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// What is refused: `spec/catalogs.md` §0, `spec/errors.md` §1.
@Suite("bodies and ids of the wrong form are refused in the seed's dialect")
struct EntryFormTests {
    @Test("all that is wrong is told at once")
    func problems() async throws {
        try await withCatalogs { rig in
            let answer = await rig.send(
                .post, "/model-catalog",
                [
                    "file_name": 7, "display_name": " ", "description": [:], "source_url": "nowhere",
                    "tags": ["a", 1], "status": "",
                ])
            #expect(
                answer.problems == [
                    "string_type body.file_name", "value_error body.display_name", "missing body.model_type",
                    "string_type body.description", "value_error body.source_url", "string_type body.tags.1",
                    "value_error body.status",
                ])
            let first = answer.json?["detail"]?[0]
            #expect(first?["msg"] == "Input should be a valid string")
            #expect(first?["input"] == 7)
            #expect(answer.json?["status_code"] == 422)
            let rows = try await rig.items("/model-catalog")
            #expect(rows.isEmpty)
        }
    }

    @Test("each text has its longest length in characters", arguments: CatalogKind.all)
    func lengths(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            for column in kind.columns {
                guard case .text(let longest) = column.kind else { continue }
                var body = kind.example()
                body[column.name] = .string(String(repeating: "杯", count: longest))
                let fits = await rig.send(.post, "/\(kind.name)", .object(body))
                #expect(fits.status == .ok, "\(column.name)")
                #expect(fits.json?[column.name] == body[column.name])
                body[column.name] = .string(String(repeating: "杯", count: longest + 1))
                #expect(
                    await rig.send(.post, "/\(kind.name)", .object(body)).problems == [
                        "value_error body.\(column.name)"
                    ])
            }
        }
    }

    @Test("lists of texts have limits")
    func lists() async throws {
        try await withCatalogs { rig in
            func tags(_ tags: [String]) async -> [String] {
                let list = JSON.array(tags.map { .string($0) })
                return await rig.send(
                    .post, "/loras", ["file_name": "a", "display_name": "a", "tags": list]
                ).problems
            }
            #expect(await tags(Array(repeating: "x", count: 200)) == ["200"])
            #expect(await tags(Array(repeating: "x", count: 201)) == ["value_error body.tags"])
            #expect(await tags([String(repeating: "x", count: 256)]) == ["200"])
            #expect(await tags([String(repeating: "x", count: 257)]) == ["value_error body.tags"])
            #expect(await tags(["a\u{0}"]) == ["value_error body.tags"])
        }
    }

    @Test("a NUL is refused in every field", arguments: CatalogKind.all)
    func nul(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            for column in kind.columns {
                var body = kind.example()
                body[column.name] = column.kind == .words ? ["a\u{0}b"] : "http://a\u{0}b"
                let problems = await rig.send(.post, "/\(kind.name)", .object(body)).problems
                #expect(problems.count == 1 && problems[0].hasSuffix("body.\(column.name)"), "\(problems)")
            }
        }
    }

    @Test(
        "addresses",
        arguments: [
            ("https://...", true), ("http://mirror:8080/a b", false), ("http://镜像/模型?x=1#y", true),
            ("hf://org/model", true), ("git@github.com:o/r.git", true), ("//mirror/a", false), ("a", false),
            ("git@:o/r.git", false), ("@github.com:o/r.git", false), ("git@github.com:", false), ("https://", false),
            ("javascript:alert(1)", false), ("JavaScript://x/%0aalert(1)", false),
            ("data:text/html,x", false), ("file:///etc/passwd", false), ("1http://x", false), ("ht!tp://x", false),
        ])
    func addresses(address: String, isTaken: Bool) async throws {
        try await withCatalogs { rig in
            let answer = await rig.send(
                .post, "/version-catalog", ["version": "v1", "repo_url": .string(address)])
            #expect(answer.problems == (isTaken ? ["200"] : ["value_error body.repo_url"]))
        }
    }

    @Test(
        "moments are stored in UTC",
        arguments: [
            ("2026-02-05T22:40:00Z", "2026-02-05T22:40:00.000Z"),
            ("2026-02-05T22:40:00+08:00", "2026-02-05T14:40:00.000Z"),
            ("2026-02-05T22:40:00.123456", "2026-02-05T22:40:00.123Z"), ("2026-02-05", "2026-02-05T00:00:00.000Z"),
            ("1969-07-20T20:17:40Z", "1969-07-20T20:17:40.000Z"), ("2026-02-30", nil), ("yesterday", nil),
            // The year 10000 could be written, but not read again.
            ("9999-12-31T23:59:59-01:00", nil), ("0001-01-01T00:00:00+01:00", nil),
        ])
    func moments(given: String, stored: String?) async throws {
        try await withCatalogs { rig in
            let answer = await rig.send(
                .post, "/version-catalog", ["version": "v1", "released_at": .string(given)])
            #expect((answer.status == .ok) == (stored != nil), "\(answer.text)")
            guard let stored else { return }
            let times = try await rig.list("/version-catalog", "released_at")
            #expect(times == [stored])
        }
    }

    @Test("an id that is no integer is 422, one that nobody has is 404", arguments: CatalogKind.all)
    func ids(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            let body = JSON.object(kind.example())
            _ = try await rig.put(kind.name, body)
            for (id, expected) in [
                ("abc", 422), ("1.0", 422), ("1e3", 422), ("%20", 422), ("-", 422), ("--1", 422), ("2", 404),
                ("0", 404),
                ("-1", 404), ("9223372036854775807", 404), ("9223372036854775808", 404),
                ("-99999999999999999999999", 404),
            ] {
                for (method, body) in [(HTTPMethod.get, nil), (.put, body), (.delete, nil)] {
                    let answer = await rig.send(method, "/\(kind.name)/\(id)", body)
                    #expect(answer.status.code == expected, "\(method) \(id)")
                    if expected == 404 { #expect(answer.json?["detail"] == "NOT_FOUND") }
                    if expected == 422 { #expect(answer.problems == ["int_parsing path.id"]) }
                }
            }
            #expect(try await rig.items("/\(kind.name)").count == 1)
        }
    }

    @Test("what is no JSON object is refused, and says why")
    func bodies() async throws {
        try await withCatalogs { rig in
            func send(_ body: String, _ headers: HTTPFields = [:]) async -> TestResponse {
                await rig.host.send(
                    .post, "/api/admin/comfyui/loras", headers: headers, body: HTTPBody(Array(body.utf8)),
                    principal: .testAdmin)
            }
            #expect(await send("").problems == ["json_invalid body.0"])
            #expect(await send("{\"file_name\":").problems == ["json_invalid body.13"])
            #expect(await send("[]").problems == ["model_attributes_type body"])
            #expect(await send("null").problems == ["model_attributes_type body"])
            let row = #"{"file_name":"a","display_name":"a"}"#
            #expect(await send(row, ["Content-Type": "text/plain"]).status == .ok)
            #expect(await send(row, ["Content-Type": "application/json; charset=utf-8"]).status == .ok)
            let form = await send(row, ["Content-Type": "multipart/form-data; boundary=x"])
            #expect(form.status.code == 415)
            #expect(form.json?["detail"] == "UNSUPPORTED_MEDIA_TYPE")
            #expect(await send(row, ["Content-Encoding": "gzip"]).status.code == 415)
            let large = await send(String(repeating: " ", count: 1 << 20) + row)
            #expect(large.status.code == 413)
            #expect(large.json?["detail"] == "BODY_TOO_LARGE")
        }
    }

    @Test(
        "only the administrator and keys with the scope are let in", arguments: CatalogKind.all.map(\.name) + ["audit"])
    func access(path: String) async throws {
        try await withCatalogs { rig in
            func detail(_ principal: Principal?) async -> JSON? {
                let answer = await rig.host.send(.get, "/api/admin/comfyui/\(path)", principal: principal)
                return answer.json?["detail"] ?? .number(JSONNumber(answer.status.code))
            }
            #expect(await detail(nil) == "AUTHORIZATION_REQUIRED")
            #expect(await detail(.testKey) == "ADMIN_ONLY")
            #expect(await detail(Principal(kind: .apiKey, id: "k", name: "k", scopes: ["catalogs"])) == 200)
            let wrong = await rig.host.send(
                .get, "/api/admin/comfyui/\(path)", headers: ["Authorization": "Bearer nonsense"])
            #expect(wrong.status.code == 401)
            #expect(wrong.json?["detail"] == "INVALID_TOKEN")
        }
    }
}
