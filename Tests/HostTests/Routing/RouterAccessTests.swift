import Host
import PluginAPI
import PluginTestKit
import Testing

@Suite("Access, CORS and OPTIONS")
struct RouterAccessTests {
    static func fixture(openSurfaces: Bool = true, cors: CORSPolicy = CORSPolicy()) throws -> RouterFixture {
        var options = RouterOptions()
        options.cors = cors
        return try RouterFixture(openSurfaces: openSurfaces, options: options) { setup in
            setup.rootRoutes(claiming: ["/t"], surface: .native) { routes in
                for (path, access) in [
                    ("/open", Access.open), ("/surface", .openSurface), ("/known", .authenticated), ("/admin", .admin),
                    ("/scope", .scope("s")), ("/surface-scope", .surfaceScope("s")),
                ] {
                    routes.group("/t", access: access) { routes in
                        routes.get(path, docs: "A test.") { request in request.principal?.id ?? "nobody" }
                    }
                }
                routes.on(.options, "/t/own", docs: "A test.") { _ in "own" }
            }
        }
    }

    @Test(
        "who may pass",
        arguments: [
            // path, token, open surfaces, expected
            ("/t/open", "none", false, "nobody"), ("/t/open", "bad", false, "nobody"),
            ("/t/open", "key", false, "nobody"),
            ("/t/surface", "none", true, "nobody"), ("/t/surface", "bad", true, "nobody"),
            ("/t/surface", "key", true, "key"), ("/t/surface", "none", false, "auth.required"),
            ("/t/surface", "bad", false, "auth.invalid_token"), ("/t/surface", "key", false, "key"),
            ("/t/known", "none", true, "auth.required"), ("/t/known", "bad", true, "auth.invalid_token"),
            ("/t/known", "key", true, "key"), ("/t/admin", "key", true, "auth.forbidden"),
            ("/t/admin", "admin", true, "admin"), ("/t/scope", "key", true, "auth.forbidden"),
            ("/t/scope", "scoped", true, "scoped"), ("/t/scope", "admin", true, "admin"),
            ("/t/surface-scope", "none", true, "nobody"), ("/t/surface-scope", "bad", true, "nobody"),
            ("/t/surface-scope", "key", true, "key"), ("/t/surface-scope", "none", false, "auth.required"),
            ("/t/surface-scope", "bad", false, "auth.invalid_token"),
            ("/t/surface-scope", "key", false, "auth.forbidden"), ("/t/surface-scope", "scoped", false, "scoped"),
            ("/t/surface-scope", "admin", false, "admin"), ("/t/nothing", "bad", true, "http.not_found"),
        ])
    func access(path: String, token: String, openSurfaces: Bool, expected: String) async throws {
        let fixture = try Self.fixture(openSurfaces: openSurfaces)
        let principals = [
            "key": Principal(kind: .apiKey, id: "key", name: "Key"),
            "scoped": Principal(kind: .apiKey, id: "scoped", name: "Key", scopes: ["s"]),
            "admin": Principal(kind: .admin, id: "admin", name: "Operator"),
        ]
        var headers: HTTPFields = [:]
        if token != "none" {
            headers["Authorization"] = "Bearer " + (principals[token].map(fixture.authenticator.token) ?? "wrong")
        }
        let answer = await fixture.send(.get, path, headers)
        #expect(answer.json?["code"]?.stringValue ?? answer.text == expected)
    }

    @Test("a route closed to a caller says so to HEAD and keeps its challenge")
    func challenge() async throws {
        let answer = try await Self.fixture().send(.head, "/t/known")
        #expect(answer.status == .unauthorized)
        #expect(answer.headers["WWW-Authenticate"] == #"Bearer realm="comfyd""#)
    }

    @Test(
        "a handler learns the client's address, behind a trusted proxy the one it names",
        arguments: [
            // peer, X-Forwarded-For, expected
            ("192.0.2.9", "10.0.0.1", "192.0.2.9"), ("127.0.0.1", "10.0.0.1", "10.0.0.1"),
            ("127.0.0.1", "10.0.0.1, 192.0.2.1", "192.0.2.1"), ("127.0.0.1", "192.0.2.1, 127.0.0.2", "192.0.2.1"),
            ("127.0.0.1", "2001:db8::1", "2001:db8::1"), ("127.0.0.1", "192.0.2.1, unknown", "127.0.0.1"),
            ("127.0.0.1", "", "127.0.0.1"), ("127.0.0.1", "127.0.0.2", "127.0.0.1"), ("", "10.0.0.1", ""),
        ])
    func clientAddress(peer: String, forwarded: String, expected: String) async throws {
        var options = RouterOptions()
        options.trustedProxies = TrustedProxies(["127.0.0.1", "127.0.0.2"])
        let fixture = try RouterFixture(options: options) { setup in
            setup.routes.group("", access: .open) { routes in
                routes.get(docs: "A test.") { request in "\(request.remoteAddress) \(request.clientAddress)" }
            }
        }
        var request = fixture.request(.get, "/api/p", ["X-Forwarded-For": forwarded])
        request.remoteAddress = peer
        guard case .response(let response) = await fixture.router.respond(to: request) else { return }
        #expect(await TestResponse(response).text == "\(peer) \(expected)")
    }

    @Test("any page may read open routes, none the others")
    func defaultOrigins() async throws {
        let fixture = try Self.fixture()
        let open = await fixture.send(.get, "/t/surface", ["Origin": "http://page"])
        #expect(open.headers["Access-Control-Allow-Origin"] == "*")
        #expect(open.headers["Access-Control-Expose-Headers"]?.contains("X-Request-Id") == true)
        #expect(open.headers["Vary"] == nil)
        // Also without an Origin, or a cache could hand out an answer that a page may not read.
        #expect(await fixture.send(.get, "/t/surface").headers["Access-Control-Allow-Origin"] == "*")
        let closed = await fixture.send(.get, "/t/known", ["Origin": "http://page"])
        #expect(closed.headers["Access-Control-Allow-Origin"] == nil)
    }

    @Test("named origins are echoed, with Vary and never with a star")
    func namedOrigins() async throws {
        let cors = CORSPolicy(openOrigins: ["*"], protectedOrigins: ["https://console"], allowsCredentials: true)
        let fixture = try Self.fixture(cors: cors)
        let known = await fixture.send(.get, "/t/known", ["Origin": "https://console"])
        #expect(known.status == .unauthorized)
        #expect(known.headers["Access-Control-Allow-Origin"] == "https://console")
        #expect(known.headers["Access-Control-Allow-Credentials"] == "true")
        #expect(known.headers["Vary"] == "Origin")
        let other = await fixture.send(.get, "/t/known", ["Origin": "https://evil"])
        #expect(other.headers["Access-Control-Allow-Origin"] == nil)
        #expect(other.headers["Vary"] == "Origin")
        let open = await fixture.send(.get, "/t/open", ["Origin": "https://console"])
        #expect(open.headers["Access-Control-Allow-Origin"] == "*")
        #expect(open.headers["Access-Control-Allow-Credentials"] == nil)
    }

    @Test("OPTIONS is answered without a token, unless a route declares it")
    func options() async throws {
        let fixture = try Self.fixture()
        let answer = await fixture.send(.options, "/t/admin")
        #expect(answer.status == .noContent)
        #expect(answer.headers["Allow"] == "GET, HEAD, OPTIONS")
        #expect(answer.headers["Access-Control-Allow-Methods"] == nil)
        #expect(await fixture.send(.options, "/t/nothing").status == .notFound)
        #expect(await fixture.send(.options, "/t/own").text == "own")
    }

    @Test("a preflight is answered by the rule of the route it asks for")
    func preflight() async throws {
        let fixture = try Self.fixture()
        let headers: HTTPFields = ["Origin": "http://page", "Access-Control-Request-Method": "GET"]
        let open = await fixture.send(.options, "/t/surface", headers)
        #expect(open.status == .noContent)
        #expect(open.headers["Access-Control-Allow-Origin"] == "*")
        #expect(open.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS")
        #expect(
            open.headers["Access-Control-Allow-Headers"]
                == "Content-Type, Authorization, X-API-Key, Comfy-User, X-Request-Id")
        #expect(open.headers["Access-Control-Max-Age"] == "600")
        let closed = await fixture.send(.options, "/t/admin", headers)
        #expect(closed.status == .noContent)
        #expect(closed.headers["Access-Control-Allow-Origin"] == nil)
        #expect(closed.headers["Access-Control-Allow-Methods"] == nil)
    }
}
