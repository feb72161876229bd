import Host
import PluginAPI
import PluginTestKit
import Testing

@Suite("API keys over the admin API")
struct TokenRoutesTests {
    /// Sends a request as the operator.
    private static func send(
        _ store: APIKeyStore, _ method: HTTPMethod, _ target: String, _ body: JSON? = nil
    ) async throws -> TestResponse {
        let authenticator = TestAuthenticator()
        let router = Router(
            table: try RouteTable(plugins: [], host: TokenRoutes(keys: store).routes), authenticator: authenticator,
            access: TestAccess(), metrics: MetricsRegistry(), clock: ManualClock())
        let request = Request(
            id: "r", method: method, target: target,
            headers: ["Authorization": "Bearer " + authenticator.token(for: .testAdmin)],
            body: HTTPBody(body?.serialized(.compact) ?? []))
        guard case .response(let response) = await router.respond(to: request) else {
            return await TestResponse(Response(status: 101))
        }
        return await TestResponse(response)
    }

    @Test("a key is made with what is asked for, listed, and revoked at once")
    func life() async throws {
        try await withKeys { store, _, clock in
            let made = try await Self.send(
                store, .post, "/api/admin/tokens",
                ["name": "ci", "scopes": ["jobs", "jobs:all"], "expires_in": "30d", "rate_limit": 60])
            #expect(made.status == .created)
            let expiry = Timestamp(milliseconds: clock.wallClock.milliseconds + 30 * 86_400_000).iso8601
            for answer in [made.json, try await Self.send(store, .get, "/api/admin/tokens").json?["tokens"]?[0]] {
                #expect(answer?["name"] == "ci")
                #expect(answer?["scopes"] == ["jobs", "jobs:all"])
                #expect(answer?["expires_at"] == .string(expiry))
                #expect(answer?["rate_limit"] == 60)
                #expect(answer?["revoked_at"] == .null)
            }
            let (id, text) = (made.json?["id"]?.stringValue ?? "", made.json?["token"]?.stringValue ?? "")
            guard case .valid = try await store.check(text) else {
                Issue.record("the key is not accepted")
                return
            }
            #expect(try await Self.send(store, .delete, "/api/admin/tokens/\(id)").status == .ok)
            try await #expect(store.check(text) == .invalid)
            let list = try await Self.send(store, .get, "/api/admin/tokens")
            #expect(list.json?["tokens"]?[0]?["revoked_at"] == .string(clock.wallClock.iso8601))
            #expect(!list.text.contains(text))
            #expect(try await Self.send(store, .delete, "/api/admin/tokens/\(id)").status == .notFound)
        }
    }

    @Test("what is not said has a default, a number of seconds is a duration too")
    func defaults() async throws {
        try await withKeys { store, _, clock in
            let plain = try await Self.send(store, .post, "/api/admin/tokens", ["name": "a"])
            #expect(plain.json?["scopes"] == ["jobs"])
            #expect(plain.json?["expires_at"] == .null)
            #expect(plain.json?["rate_limit"] == .null)
            let body: JSON = ["name": "b", "scopes": [], "expires_in": 90, "rate_limit": nil]
            let other = try await Self.send(store, .post, "/api/admin/tokens", body)
            #expect(other.json?["scopes"] == [])
            let expiry = Timestamp(milliseconds: clock.wallClock.milliseconds + 90_000).iso8601
            #expect(other.json?["expires_at"] == .string(expiry))
        }
    }

    @Test(
        "what makes no sense is 422 with its place",
        arguments: [
            (["scopes": []], "name"), (["name": 7], "name"), (["name": "a", "scopes": "jobs"], "scopes"),
            (["name": "a", "scopes": ["A B"]], "scopes"), (["name": "a", "expires_in": "soon"], "expires_in"),
            (["name": "a", "expires_in": 0], "expires_in"), (["name": "a", "expires_in": -5], "expires_in"),
            (["name": "a", "expires_in": true], "expires_in"), (["name": "a", "expires_in": "200000d"], "expires_in"),
            (["name": "a", "rate_limit": 0], "rate_limit"), (["name": "a", "rate_limit": 1.5], "rate_limit"),
            (["name": "a", "rate_limit": "9"], "rate_limit"),
        ] as [(JSON, String)])
    func refusals(body: JSON, field: String) async throws {
        try await withKeys { store, _, _ in
            let answer = try await Self.send(store, .post, "/api/admin/tokens", body)
            #expect(answer.status == 422, "\(answer.text)")
            #expect(answer.json?["detail"]?[0]?["loc"]?[0] == "body")
            #expect(answer.json?["detail"]?[0]?["loc"]?[1] == .string(field), "\(answer.text)")
            try await #expect(store.list().isEmpty)
        }
    }
}
