import Host
import PluginAPI
import PluginTestKit
import Testing

@Suite("Rate limits of routes")
struct RouterRateLimitTests {
    /// Routes of each access, in a dialect that shows the code alone.
    private static func fixture(openSurfaces: Bool = true) throws -> RouterFixture {
        let dialect = Surface(name: "dialect") { error, _ in .text("dialect \(error.code)", status: error.status) }
        return try RouterFixture(openSurfaces: openSurfaces) { setup in
            setup.rootRoutes(claiming: ["/t"], surface: dialect) { routes in
                routes[access: .open].get("/t/open", docs: "A test.") { _ in "open" }
                routes.get("/t/surface", docs: "A test.") { _ in "surface" }
                routes[access: .surfaceScope("s")].get("/t/scope", docs: "A test.") { _ in "scope" }
                routes[access: .authenticated].get("/t/known", docs: "A test.") { _ in "known" }
                routes[access: .authenticated].get("/t/fails", docs: "A test.") { _ -> String in
                    throw HTTPError.notFound
                }
                routes[access: .admin].get("/t/admin", docs: "A test.") { _ in "admin" }
                routes[access: .authenticated].webSocket("/t/socket", docs: "A test.") { _, _ in }
            }
        }
    }

    private static func headers(_ fixture: RouterFixture, limit: Int?) -> HTTPFields {
        var principal = Principal(kind: .apiKey, id: "k", name: "k")
        principal.rateLimit = limit
        return ["Authorization": "Bearer " + fixture.authenticator.token(for: principal)]
    }

    @Test("every answer to a limited key says what is left, and the refusal is in the dialect of the path")
    func fields() async throws {
        let fixture = try Self.fixture()
        let headers = Self.headers(fixture, limit: 3)
        for (path, status, remaining) in [("/t/known", 200, "2"), ("/t/fails", 404, "1"), ("/t/admin", 403, "0")] {
            let answer = await fixture.send(.get, path, headers)
            #expect(answer.status.code == status)
            #expect(answer.headers["RateLimit-Limit"] == "3")
            #expect(answer.headers["RateLimit-Remaining"] == remaining)
        }
        let refused = await fixture.send(.get, "/t/known", headers)
        #expect(refused.status == 429)
        #expect(refused.text == "dialect auth.rate_limited")
        #expect(refused.headers["Retry-After"] == "20")
        #expect(refused.headers["RateLimit-Remaining"] == "0")
        #expect(refused.headers["RateLimit-Reset"] == "60")
        #expect(fixture.metric(#"comfyd_auth_rate_limited_total{key="k"}"#) == "1")
        fixture.clock.advance(by: .seconds(20))
        #expect(await fixture.send(.get, "/t/known", headers).status == .ok)
    }

    @Test(
        "every route that knows its caller counts; one that is always open does not",
        arguments: [
            ("/t/surface", true, 429), ("/t/surface", false, 429), ("/t/scope", true, 429), ("/t/admin", true, 429),
            ("/t/known", true, 429), ("/t/open", true, 200), ("/t/nothing", true, 404),
        ])
    func routes(path: String, openSurfaces: Bool, expected: Int) async throws {
        let fixture = try Self.fixture(openSurfaces: openSurfaces)
        let headers = Self.headers(fixture, limit: 1)
        await fixture.send(.get, path, headers)
        #expect(await fixture.send(.get, path, headers).status.code == expected)
        // Who sends no key is not concerned.
        #expect(await fixture.send(.get, path).status.code != 429)
    }

    @Test("an upgrade counts as one request")
    func upgrade() async throws {
        let fixture = try Self.fixture()
        var headers = Self.headers(fixture, limit: 1)
        headers["Upgrade"] = "websocket"
        guard
            case .upgrade(let acceptance, _) = await fixture.router.respond(
                to: fixture.request(.get, "/t/socket", headers))
        else {
            Issue.record("no upgrade")
            return
        }
        #expect(acceptance.headers["RateLimit-Remaining"] == "0")
        #expect(await fixture.send(.get, "/t/socket", headers).status == 429)
    }

    @Test("a key without a limit is not told of one")
    func unlimited() async throws {
        let fixture = try Self.fixture()
        let headers = Self.headers(fixture, limit: nil)
        for _ in 0..<1000 {
            let answer = await fixture.send(.get, "/t/known", headers)
            #expect(answer.status == .ok)
            #expect(answer.headers["RateLimit-Limit"] == nil)
        }
    }
}
