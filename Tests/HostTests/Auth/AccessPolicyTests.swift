import Host
import PluginAPI
import Testing

@Suite("Access policy")
struct AccessPolicyTests {
    private static let admin = Principal(kind: .admin, id: "admin", name: "admin")
    private static let reader = Principal(kind: .apiKey, id: "k", name: "k", scopes: ["jobs"])
    private static let request = Request(id: "r", method: .get, target: "/")
    private static let agent = Principal(kind: .agent, id: "a", name: "a")

    private func status(_ policy: AccessPolicy, _ access: Access, _ principal: Principal?) -> Int {
        do {
            try policy.check(access, principal, Self.request)
            return 200
        } catch {
            return error.status.code
        }
    }

    /// Answers for nobody, an agent, a key with the scope `jobs`, the administrator.
    @Test(
        "each access lets the right callers through",
        arguments: [
            (.open, [200, 200, 200, 200]), (.openSurface, [401, 200, 200, 200]),
            (.authenticated, [401, 200, 200, 200]), (.admin, [401, 403, 403, 200]),
            (.scope("jobs"), [401, 403, 200, 200]), (.scope("job"), [401, 403, 403, 200]),
            (.surfaceScope("jobs"), [401, 403, 200, 200]), (.surfaceScope("job"), [401, 403, 403, 200]),
        ] as [(Access, [Int])])
    func table(access: Access, expected: [Int]) {
        let policy = AccessPolicy(openSurfaces: .never, allListenersAreLoopback: true)
        let answers = [nil, Self.agent, Self.reader, Self.admin].map { status(policy, access, $0) }
        #expect(answers == expected)
    }

    @Test(
        "open surfaces follow the operator's mode and the listeners",
        arguments: [
            (.loopback, true, 200), (.loopback, false, 401), (.always, true, 200), (.always, false, 200),
            (.never, true, 401), (.never, false, 401),
        ] as [(OpenSurfaces, Bool, Int)])
    func modes(mode: OpenSurfaces, isLoopback: Bool, expected: Int) {
        let policy = AccessPolicy(openSurfaces: mode, allListenersAreLoopback: isLoopback)
        #expect(status(policy, .openSurface, nil) == expected)
        #expect(status(policy, .surfaceScope("workers"), nil) == expected)
        #expect(status(policy, .surfaceScope("workers"), Self.reader) == (expected == 200 ? 200 : 403))
        #expect(status(policy, .authenticated, nil) == 401)
        #expect(status(policy, .admin, nil) == 401)
        #expect(status(policy, .open, nil) == 200)
    }

    @Test("refusals have their codes and challenges")
    func errors() {
        let policy = AccessPolicy(openSurfaces: .never, allListenersAreLoopback: true)
        let stranger = #expect(throws: HTTPError.self) { try policy.check(.authenticated, nil, Self.request) }
        #expect(stranger?.code == "auth.required")
        #expect(stranger?.headers["WWW-Authenticate"] == #"Bearer realm="comfyd""#)
        for access in [Access.scope("x"), .surfaceScope("x")] {
            let scope = #expect(throws: HTTPError.self) { try policy.check(access, Self.reader, Self.request) }
            #expect(scope?.code == "auth.forbidden")
            #expect(scope?.headers["WWW-Authenticate"]?.contains(#"scope="x""#) == true)
        }
        let admin = #expect(throws: HTTPError.self) { try policy.check(.admin, Self.reader, Self.request) }
        #expect(admin?.code == "auth.forbidden")
    }

    @Test(
        "loopback hosts are told from others",
        arguments: [
            ("127.0.0.1", true), ("127.255.1.2", true), ("::1", true), ("[::1]", true), ("localhost", true),
            ("LOCALHOST", true), ("::ffff:127.0.0.1", true), ("/run/comfyd.sock", true), ("unix:/x", true),
            ("0.0.0.0", false), ("::", false), ("", false), ("192.168.0.1", false), ("128.0.0.1", false),
            ("localhost.example.org", false), ("127.0.0.1.example.org", false), ("::2", false),
            ("::ffff:10.0.0.1", false),
        ])
    func loopback(host: String, expected: Bool) {
        #expect(AccessPolicy.isLoopback(host: host) == expected)
    }
}
