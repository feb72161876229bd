import Host
import PluginAPI
import Testing

@Suite("Authentication")
struct AuthenticatorTests {
    private static let admin = "the-token-of-the-operator"

    private func authenticator(_ extra: any TokenVerifier..., brake: FailureBrake = FailureBrake()) throws
        -> TokenAuthenticator
    {
        TokenAuthenticator(
            verifiers: [AdminTokenVerifier(try AdminToken([Secret("another-token"), Secret(Self.admin)]))] + extra,
            brake: brake)
    }

    private static func basic(_ text: String) -> String {
        "Basic " + Base64.encodeURL(Array(text.utf8))
    }

    @Test(
        "a token is found wherever clients put it",
        arguments: [
            ["Authorization": "Bearer \(admin)"], ["authorization": "bearer \(admin)"],
            ["Authorization": "Bearer   \(admin)"], ["X-API-Key": admin], ["x-api-key": admin],
            ["Authorization": basic("anyone:\(admin)")], ["Authorization": basic(":\(admin)")],
            ["Authorization": basic("proxy:password"), "X-API-Key": admin],
            ["Authorization": "Bearer \(admin)", "X-API-Key": "wrong"],
            ["Authorization": "Digest username=x", "X-API-Key": admin],
        ] as [HTTPFields])
    func accepted(headers: HTTPFields) async throws {
        let principal = try await authenticator().principal(for: authRequest(headers))
        #expect(principal == Principal(kind: .admin, id: "admin", name: "admin"))
    }

    @Test(
        "a wrong token is 401 with a challenge",
        arguments: [
            ["Authorization": "Bearer wrong"], ["Authorization": "Bearer"], ["Authorization": "Bearer "],
            ["X-API-Key": ""], ["X-API-Key": "wrong"], ["Authorization": "Bearer \(admin) "],
            ["Authorization": "Bearer \(admin)x"], ["Authorization": "Basic ???"],
            ["Authorization": basic(admin)], ["Authorization": basic("\(admin):")], ["Authorization": basic("a:b")],
            ["Authorization": "Bearer wrong", "X-API-Key": admin],
            ["Authorization": "Bearer \(admin)", "authorization": "Bearer \(admin)"],
            ["X-API-Key": String(repeating: "x", count: 10_000)], ["Authorization": "Basic /w=="],
        ] as [HTTPFields])
    func refused(headers: HTTPFields) async throws {
        let authenticator = try authenticator()
        let error = await httpError { _ = try await authenticator.principal(for: authRequest(headers)) }
        #expect(error?.status == 401)
        #expect(error?.code == "auth.invalid_token")
        #expect(error?.headers["WWW-Authenticate"] == #"Bearer realm="comfyd""#)
        #expect("\(String(describing: error))".contains(Self.admin) == false)
    }

    @Test(
        "without a token there is no caller",
        arguments: [[:], ["Authorization": ""], ["Authorization": "Digest username=x"], ["Cookie": "a=b"]]
            as [HTTPFields])
    func anonymous(headers: HTTPFields) async throws {
        try await #expect(authenticator().principal(for: authRequest(headers)) == nil)
    }

    @Test("an API key is its principal; revoked it is 401")
    func apiKey() async throws {
        try await withKeys { store, _, _ in
            let issued = try await store.create(NewAPIKey(name: "ci", scopes: ["jobs"]))
            let authenticator = try authenticator(APIKeyVerifier(store))
            let request = authRequest(["X-API-Key": issued.text.exposed])
            try await #expect(authenticator.principal(for: request) == issued.key.principal)
            _ = try await store.revoke(id: issued.key.id)
            let error = await httpError { _ = try await authenticator.principal(for: request) }
            #expect(error?.code == "auth.invalid_token")
        }
    }

    @Test("another kind of token is added as a verifier, and a refusal ends the search")
    func moreVerifiers() async throws {
        struct Words: TokenVerifier {
            let word: String
            let verdict: TokenVerdict
            func verify(_ token: String) -> TokenVerdict { token == word ? verdict : .notMine }
        }
        let agent = Principal(kind: .agent, id: "a1", name: "agent")
        let authenticator = try authenticator(
            Words(word: "agent", verdict: .accepted(agent)), Words(word: "old", verdict: .rejected),
            Words(word: "old", verdict: .accepted(agent)))
        try await #expect(authenticator.principal(for: authRequest(["X-API-Key": "agent"])) == agent)
        #expect(
            await httpError { _ = try await authenticator.principal(for: authRequest(["X-API-Key": "old"])) } != nil)
    }

    @Test("after too many failures an address must wait, others need not")
    func brake() async throws {
        let clock = HandClock()
        let authenticator = try authenticator(brake: FailureBrake(time: clock))
        func attempt(_ token: String, _ address: String) async -> HTTPError? {
            await httpError {
                _ = try await authenticator.principal(for: authRequest(["X-API-Key": token], from: address))
            }
        }
        for _ in 0..<20 { #expect(await attempt("wrong", "192.0.2.1")?.status == 401) }
        clock.move(by: .milliseconds(500))
        let braked = await attempt(Self.admin, "192.0.2.1")
        #expect(braked?.status == 429)
        #expect(braked?.code == "auth.too_many_failures")
        #expect(braked?.headers["Retry-After"] == "60")
        #expect(await attempt(Self.admin, "192.0.2.2") == nil)
        // Who sends no token does not notice.
        try await #expect(authenticator.principal(for: authRequest([:])) == nil)
        clock.move(by: .milliseconds(59_499))
        #expect(await attempt(Self.admin, "192.0.2.1")?.headers["Retry-After"] == "1")
        clock.move(by: .milliseconds(1))
        #expect(await attempt(Self.admin, "192.0.2.1") == nil)
        #expect(await attempt("wrong", "192.0.2.1")?.status == 401)
    }

    @Test("behind a trusted proxy failures count for the client it names, not for the proxy and not for made-up hops")
    func proxied() async throws {
        let authenticator = try authenticator()
        let proxies = TrustedProxies(["127.0.0.1"])
        func attempt(_ token: String, from remote: String, for forwarded: String) async -> HTTPError? {
            var request = authRequest(["X-API-Key": token, "X-Forwarded-For": forwarded])
            request.remoteAddress = remote
            if let client = proxies.client(of: request) { request.clientAddress = client }
            return await httpError { _ = try await authenticator.principal(for: request) }
        }
        for number in 0..<20 {
            let made = "10.0.0.\(number), 192.0.2.1"
            #expect(await attempt("wrong", from: "127.0.0.1", for: made)?.status == 401)
        }
        #expect(await attempt(Self.admin, from: "127.0.0.1", for: "192.0.2.1")?.status == 429)
        #expect(await attempt(Self.admin, from: "127.0.0.1", for: "192.0.2.2") == nil)
        #expect(await attempt(Self.admin, from: "192.0.2.9", for: "192.0.2.1") == nil)
    }
}

@Suite("Brute-force brake")
struct FailureBrakeTests {
    private func isBraked(_ brake: FailureBrake, _ address: String) -> Bool {
        do {
            try brake.check(address)
            return false
        } catch {
            return true
        }
    }

    @Test("addresses of one IPv6 network count together, IPv4 addresses alone, local callers never")
    func sources() {
        let brake = FailureBrake(limit: 2)
        for address in ["2001:db8::1", "2001:db8:0:0:ffff::2", "::ffff:192.0.2.7", "192.0.2.7", "", ""] {
            brake.noteFailure(address)
        }
        #expect(isBraked(brake, "2001:db8::abcd"))
        #expect(!isBraked(brake, "2001:db8:0:1::1"))
        #expect(isBraked(brake, "192.0.2.7"))
        #expect(!isBraked(brake, "192.0.2.8"))
        #expect(!isBraked(brake, ""))
    }

    @Test("the memory is bounded whatever addresses fail, and those who fail go on being braked")
    func bounded() {
        let clock = HandClock()
        let brake = FailureBrake(limit: 3, capacity: 100, time: clock)
        for number in 0..<10_000 {
            brake.noteFailure("10.0.\(number / 256).\(number % 256)")
            if number % 90 == 0 { brake.noteFailure("192.0.2.1") }
        }
        #expect(brake.count <= 200)
        #expect(isBraked(brake, "192.0.2.1"))
        clock.move(by: .seconds(61))
        brake.noteFailure("192.0.2.2")
        clock.move(by: .seconds(61))
        brake.noteFailure("192.0.2.2")
        #expect(brake.count <= 2)
    }
}
