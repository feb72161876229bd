import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("Settings")
struct SettingsTests {
    /// Nothing is looked at again by itself within the time of a test.
    private static let slow: JSONObject = ["queue_cache_ttl": 3600, "health_interval": 3600]

    private static func pair(_ name: String) -> BasicCredentials {
        BasicCredentials(username: name, password: Secret("pw-" + name))
    }

    /// What the last event stream was opened with.
    private static func last(_ worker: FakeComfy) -> BasicCredentials? {
        worker.with { $0.sockets.last?.credentials }
    }

    private static func body(_ name: String) -> JSON {
        ["worker_auth_username": .string(name), "worker_auth_password": .string("pw-" + name)]
    }

    private static func configured(_ more: JSONObject = slow) -> JSONObject {
        var values = more
        for (key, value) in body("configured").objectValue ?? [:] { values[key] = value }
        return values
    }

    @Test("each part is shown and changed by itself; null is unchanged, empty clears")
    func routes() async throws {
        try await GatewayRig.run([]) { rig in
            func settings(_ body: JSON? = nil) async -> [JSON?] {
                let answer = await rig.call(body == nil ? .get : .patch, "/api/settings", body)
                #expect(answer.status == .ok)
                #expect(answer.json.objectValue?.count == 2)
                return [answer.json["worker_auth_username"], answer.json["worker_auth_has_password"]]
            }
            #expect(await settings() == [.null, false])
            #expect(await settings(["worker_auth_username": "u", "other": 1]) == ["u", false])
            #expect(await settings(["worker_auth_password": "p", "worker_auth_username": nil]) == ["u", true])
            #expect(await settings([:]) == ["u", true])
            #expect(await settings() == ["u", true])
            #expect(await settings(["worker_auth_password": ""]) == ["u", false])
            #expect(await settings(["worker_auth_username": ""]) == [.null, false])
        }
    }

    @Test("the configuration is shown where nothing is saved")
    func shown() async throws {
        try await GatewayRig.run([], Self.configured()) { rig in
            let shown: JSON = ["worker_auth_username": "configured", "worker_auth_has_password": true]
            #expect(await rig.call(.get, "/api/settings").json == shown)
            let saved = await rig.call(.patch, "/api/settings", ["worker_auth_username": "saved"])
            #expect(saved.json["worker_auth_username"] == "saved")
            #expect(await rig.call(.patch, "/api/settings", ["worker_auth_username": ""]).json == shown)
        }
    }

    @Test(
        "bodies of the wrong form are answered 422 with a list, change nothing, and no password is repeated",
        arguments: [
            (#"{"worker_auth_username":5}"#, "worker_auth_username"),
            (#"{"worker_auth_username":["hunter2"]}"#, "worker_auth_username"),
            (#"{"worker_auth_username":"a:b","worker_auth_password":"hunter2"}"#, "worker_auth_username"),
            (#"{"worker_auth_username":"a\u0000"}"#, "worker_auth_username"),
            (#"{"worker_auth_username":"u","worker_auth_password":false}"#, "worker_auth_password"),
            (#"{"worker_auth_password":770002}"#, "worker_auth_password"),
            (#"{"worker_auth_password":"hunter2\n"}"#, "worker_auth_password"),
            (#"{"worker_auth_password":"hunter2"#, nil), ("[]", nil), ("", nil),
        ] as [(String, String?)])
    func malformed(body: String, key: String?) async throws {
        try await GatewayRig.run([]) { rig in
            let answer = await rig.call(.patch, "/api/settings", raw: body)
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json["detail"]?[0]?["loc"]?[1]?.stringValue == key)
            #expect(!answer.json.text().contains("hunter2") && !answer.json.text().contains("770002"))
            #expect(await rig.call(.get, "/api/settings").json["worker_auth_username"] == .null)
        }
    }

    @Test("too long a password is refused")
    func long() async throws {
        try await GatewayRig.run([]) { rig in
            let fits: JSON = ["worker_auth_password": .string(String(repeating: "x", count: 1024))]
            #expect(await rig.call(.patch, "/api/settings", fits).status == .ok)
            let long: JSON = ["worker_auth_password": .string(String(repeating: "x", count: 1025))]
            #expect(await rig.call(.patch, "/api/settings", long).status == .unprocessableContent)
        }
    }

    /// What a worker has of its own, what is saved, and whose pair is used.
    struct Case: Sendable {
        var own: (String?, String?) = (nil, nil)
        var saved: (String, String) = ("", "")
        var expected: String?
    }

    @Test(
        "a worker's own pair wins, then the saved pair, then the configured one; half a pair counts for nothing",
        arguments: [
            Case(own: ("own", "pw-own"), saved: ("saved", "pw-saved"), expected: "own"),
            Case(own: ("own", nil), saved: ("saved", "pw-saved"), expected: "saved"),
            Case(own: ("", "pw-own"), saved: ("saved", "pw-saved"), expected: "saved"),
            Case(own: ("own", ""), saved: ("saved", ""), expected: "configured"),
            Case(saved: ("", "pw-saved"), expected: "configured"), Case(expected: "configured"),
        ])
    func precedence(_ given: Case) async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { state in
            state.demands = given.expected.map(Self.pair)
            state.view = { _ in ClientResponse(status: .ok, body: HTTPBody([7])) }
        }
        try await GatewayRig.run([worker], Self.configured(["workers": [], "queue_cache_ttl": 0.25])) { rig in
            let saved: JSON = [
                "worker_auth_username": .string(given.saved.0), "worker_auth_password": .string(given.saved.1),
            ]
            #expect(await rig.call(.patch, "/api/settings", saved).status == .ok)
            let registered = await rig.call(
                .post, "/api/workers",
                [
                    "url": "http://a:1", "auth_username": given.own.0.map { .string($0) } ?? .null,
                    "auth_password": given.own.1.map { .string($0) } ?? .null,
                ])
            #expect(registered.json["healthy"] == true)
            try await Self.useEverything(rig, worker)
            #expect(worker.with { Set($0.requests.map { $0.credentials?.username }) } == [given.expected])
        }
    }

    /// WebSocket, prompt, queue, history and file.
    private static func useEverything(_ rig: GatewayRig, _ worker: FakeComfy) async throws {
        try await rig.connected()
        let id = try #require(await rig.submit().json["prompt_id"]?.stringValue)
        #expect(await rig.call(.get, "/api/queue").json["queue_pending"]?[0]?[1]?.stringValue == id)
        worker.start()
        worker.finish()
        try await rig.wait(id, for: "done")
        let file = await rig.call(.get, "/api/view?prompt_id=\(id)&filename=a.png")
        #expect(file.status == .ok && file.bytes == [7])
    }

    @Test("without any pair nothing is sent")
    func none() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], ["worker_auth_username": "half"]) { rig in
            try await rig.connected()
            #expect(await rig.submit().status == .ok)
            #expect(worker.with { $0.requests.allSatisfy { $0.credentials == nil } })
        }
    }

    @Test("a change takes effect at once: workers are probed and connected anew, those with an own pair are left alone")
    func atOnce() async throws {
        let (shared, own) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        shared.with { $0.demands = Self.pair("saved") }
        var values = Self.configured()
        values["workers"] = [
            ["url": "http://a:1"], ["url": "http://b:1", "auth_username": "own", "auth_password": "pw-own"],
        ]
        try await GatewayRig.run([shared, own], values) { rig in
            @Sendable func healthy(_ index: Int) -> Bool { rig.engine.pool.members[index].health == .healthy }
            @Sendable func connected(_ name: String) async throws {
                try await eventually("connected as \(name)") { healthy(0) && Self.last(shared) == Self.pair(name) }
            }
            try await eventually("own is connected") { healthy(1) && !own.with { $0.sockets.isEmpty } }
            try await eventually("refused") { !rig.engine.pool.members[0].health.isHealthy }
            #expect(shared.with { $0.sockets.isEmpty })

            #expect(await rig.call(.patch, "/api/settings", Self.body("saved")).status == .ok)
            try await connected("saved")

            // The next pair, while the old stream stands.
            shared.with { $0.demands = Self.pair("next") }
            #expect(await rig.call(.patch, "/api/settings", Self.body("next")).status == .ok)
            try await connected("next")

            // Cleared: the configured pair counts again.
            shared.with { $0.demands = Self.pair("configured") }
            _ = await rig.call(.patch, "/api/settings", ["worker_auth_password": ""])
            try await connected("configured")
            #expect(own.with { $0.sockets.count } == 1)
        }
    }

    @Test("a worker's own pair takes effect at once too, and hands over to the shared one when it is cleared")
    func ownPair() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.demands = Self.pair("own") }
        try await GatewayRig.run([worker], Self.configured()) { rig in
            let id = rig.engine.pool.members[0].worker.id
            let own: JSON = ["auth_username": "own", "auth_password": "pw-own"]
            #expect(await rig.call(.patch, "/api/workers/\(id)", own).status == .ok)
            try await eventually("connected") { Self.last(worker) == Self.pair("own") }
            worker.with { $0.demands = Self.pair("configured") }
            #expect(await rig.call(.patch, "/api/workers/\(id)", ["auth_username": ""]).status == .ok)
            try await eventually("connected again") { Self.last(worker) == Self.pair("configured") }
        }
    }

    @Test("what is saved is sealed, and there after a restart")
    func kept() async throws {
        let database = try SQLiteDatabase.open(path: ":memory:")
        try await GatewayRig.run([], database: database) { rig in
            #expect(await rig.call(.patch, "/api/settings", Self.body("saved")).status == .ok)
        }
        let rows = try await database.read { connection in
            try connection.all("SELECT name, value, sealed FROM gateway_settings ORDER BY name") { row in
                "\(try row.get("name", as: String.self)) \(try row.get("value", as: String.self)) "
                    + "\(try row.get("sealed", as: Int.self))"
            }
        }
        #expect(rows == ["worker_auth_password sealed:devas-wp 1", "worker_auth_username saved 0"])
        let worker = FakeComfy("http://a:1")
        worker.with { $0.demands = Self.pair("saved") }
        try await GatewayRig.run([worker], database: database) { rig in
            try await rig.connected()
            let cleared = await rig.call(
                .patch, "/api/settings", ["worker_auth_username": "", "worker_auth_password": ""])
            #expect(cleared.json == ["worker_auth_username": nil, "worker_auth_has_password": false])
        }
        let count = try await database.read { connection in
            try connection.first("SELECT COUNT(*) AS n FROM gateway_settings") { try $0.get("n", as: Int.self) }
        }
        #expect(count == 0)
        await database.close()
    }

    @Test("what cannot be stored is not used, and not acknowledged")
    func fullDisk() async throws {
        try await GatewayRig.run([], Self.configured()) { rig in
            rig.faults.isBroken = true
            let answer = await rig.call(.patch, "/api/settings", Self.body("saved"))
            rig.faults.isBroken = false
            #expect(answer.status == .insufficientStorage)
            #expect(rig.engine.registry.shared.pair == Self.pair("configured"))
        }
    }

    @Test("changes at the same time do not lose each other's part")
    func concurrent() async throws {
        try await GatewayRig.run([]) { rig in
            rig.faults.writeDelay = .milliseconds(20)
            async let first = rig.call(.patch, "/api/settings", ["worker_auth_username": "u"])
            async let second = rig.call(.patch, "/api/settings", ["worker_auth_password": "p"])
            #expect(await [first.status, second.status] == [.ok, .ok])
            #expect(rig.engine.registry.shared.pair == BasicCredentials(username: "u", password: Secret("p")))
        }
    }
}
