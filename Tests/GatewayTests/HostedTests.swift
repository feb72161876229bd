import Gateway
import Host
import PluginAPI
import PluginTestKit
import Testing

@Suite("The gateway inside a host")
struct HostedTests {
    /// A worker that takes prompts and has an empty queue.
    static let idleWorker = StubHTTPClient { request in
        if request.url.hasSuffix("/queue") { return .json(["queue_running": [], "queue_pending": []]) }
        guard request.url.hasSuffix("/prompt"), let bytes = try await request.body?.collect(upTo: 1 << 20) else {
            return .json([:])
        }
        let id = try JSON(parsing: bytes)["prompt_id"] ?? nil
        return .json(["prompt_id": id, "number": 3, "node_errors": [:]])
    }

    private static let configuration: JSON = ["workers": [["url": "http://w:8188"]]]
    static let prompt: JSON = ["prompt": ["1": ["class_type": "A", "inputs": [:]]]]

    @Test("a prompt goes through the router, and is counted")
    func submit() async throws {
        let host = try TestHost<GatewayPlugin>(configuration: Self.configuration, client: Self.idleWorker)
        try await host.start()
        let answer = await host.send(.post, "/api/prompt", json: Self.prompt)
        #expect(answer.status == .ok)
        #expect(answer.json?["number"] == 3)
        let id = try #require(answer.json?["prompt_id"]?.stringValue)
        #expect(await host.send(.get, "/api/task/\(id)/status").json?["status"] == "queued")
        #expect(await host.send(.get, "/api/task/\(id)/status/").status == .ok)
        #expect(host.metric(#"comfyd_gateway_submits_total{outcome="accepted"}"#) == 1)
        let backend = try #require(host.capability(.comfyBackend))
        #expect(try await backend.job(id)?.state == .submitted)
        #expect(try await backend.owner(of: id)?.url == "http://w:8188")
        await host.stop()
    }

    @Test("an open circuit breaker is a number of the metrics")
    func breaker() async throws {
        let refusing = StubHTTPClient { request in
            guard request.url.hasSuffix("/prompt") else { return .json(["queue_running": [], "queue_pending": []]) }
            return ClientResponse(status: .forbidden)
        }
        let configuration: JSON = ["workers": [["url": "http://w:8188", "name": "w"]], "breaker_failures": 1]
        let host = try TestHost<GatewayPlugin>(configuration: configuration, client: refusing)
        try await host.start()
        let series = #"comfyd_gateway_worker_breaker{worker="w"}"#
        for value in [0.0, 2] {
            try await eventually("\(series) is \(value)") {
                host.clock.advance(by: .milliseconds(500))
                return host.metric(series) == value
            }
            if value == 0 {
                #expect(await host.send(.post, "/api/prompt", json: Self.prompt).status == .serviceUnavailable)
            }
        }
        await host.stop()
    }

    @Test("the numbers of a worker follow its name, and go with it")
    func workerNames() async throws {
        let host = try TestHost<GatewayPlugin>(client: Self.idleWorker)
        try await host.start()
        _ = await host.send(.post, "/api/workers", json: ["url": "http://w:1", "worker_id": "w", "name": "old"])
        func shown(old: Bool, new: Bool) async throws {
            try await eventually("old \(old), new \(new)") {
                host.clock.advance(by: .milliseconds(500))
                return [("old", old), ("new", new)].allSatisfy { name, isShown in
                    (host.metric(#"comfyd_gateway_worker_healthy{worker="\#(name)"}"#) != nil) == isShown
                }
            }
        }
        try await shown(old: true, new: false)
        _ = await host.send(.patch, "/api/workers/w", json: ["name": "new"])
        try await shown(old: false, new: true)
        _ = await host.send(.delete, "/api/workers/w")
        try await shown(old: false, new: false)
        await host.stop()
    }

    @Test("a job that was acknowledged before a kill is taken up again by the next process")
    func killed() async throws {
        let first = try TestHost<GatewayPlugin>(configuration: Self.configuration, client: Self.idleWorker)
        try await first.start()
        let answer = await first.send(.post, "/api/prompt", json: Self.prompt)
        let id = try #require(answer.json?["prompt_id"]?.stringValue)
        await first.kill()
        let second = try TestHost<GatewayPlugin>(
            configuration: Self.configuration, client: Self.idleWorker, directory: first.directory)
        try await second.start()
        #expect(await second.send(.get, "/api/task/\(id)/status").json?["status"] == "queued")
        await second.stop()
    }

    @Test(
        "routes ask for a token while open surfaces are closed", arguments: ["/api/workers", "/api/queue", "/api/view"])
    func closed(path: String) async throws {
        let host = try TestHost<GatewayPlugin>(openSurfaces: false)
        try await host.start()
        let answer = await host.send(.get, path)
        #expect(answer.status == .unauthorized)
        #expect(answer.json?["detail"]?.stringValue != nil)
        await host.stop()
    }

    @Test("where the surface is closed, workers and settings are changed with the scope \"workers\" alone")
    func scope() async throws {
        let host = try TestHost<GatewayPlugin>(openSurfaces: false)
        try await host.start()
        let changes: [(HTTPMethod, String)] = [
            (.post, "/api/workers"), (.patch, "/api/workers/w"), (.delete, "/api/workers/w"),
            (.post, "/api/workers/w/health"), (.get, "/api/settings"), (.patch, "/api/settings"),
        ]
        let other = Principal(kind: .apiKey, id: "a", name: "a", scopes: ["jobs", "jobs:all"])
        let manager = Principal(kind: .apiKey, id: "b", name: "b", scopes: ["workers"])
        for (method, path) in changes {
            #expect(await host.send(method, path, json: [:]).status == .unauthorized)
            #expect(await host.send(method, path, json: [:], principal: other).status == .forbidden)
            for principal in [manager, .testAdmin] {
                let status = await host.send(method, path, json: [:], principal: principal).status
                #expect([.ok, .notFound, .unprocessableContent].contains(status))
            }
        }
        #expect(await host.send(.get, "/api/workers", principal: other).status == .ok)
        await host.stop()
    }

    @Test("unknown paths and wrong methods are answered in the surface's form")
    func dialect() async throws {
        let host = try TestHost<GatewayPlugin>()
        try await host.start()
        let unknown = await host.send(.get, "/api/task/x/y/z")
        #expect(unknown.status == .notFound)
        #expect(unknown.json?["status_code"] == 404)
        let wrong = await host.send(.delete, "/api/prompt")
        #expect(wrong.status == .methodNotAllowed)
        #expect(wrong.json?["error"]?["message"]?.stringValue != nil)
        await host.stop()
    }

    @Test("health is degraded without a usable worker, and says why")
    func health() async throws {
        let host = try TestHost<GatewayPlugin>()
        try await host.start()
        #expect(await host.health()["workers"] == .degraded("no worker is registered and enabled"))
        _ = await host.send(.post, "/api/workers", json: ["url": "http://w:1", "name": "gone"])
        #expect(await host.health()["workers"] == .degraded("1 of 1 workers do not answer: \"gone\""))
        await host.stop()
    }

    @Test(
        "a worker whose answer does not end holds up neither a registration nor a probe for long, and is not called healthy"
    )
    func endless() async throws {
        let host = try TestHost<GatewayPlugin>(
            client: StubHTTPClient { _ in
                try await Task.sleep(for: .seconds(3600))
                return .json([:])
            })
        try await host.start()
        let registered = try await host.clock.passing(.seconds(10)) {
            await host.send(.post, "/api/workers", json: ["url": "http://w:1", "worker_id": "w"])
        }
        #expect(registered.status == .ok)
        let probed = try await host.clock.passing(.seconds(10)) { await host.send(.post, "/api/workers/w/health") }
        for answer in [registered, probed] {
            #expect(answer.json?["healthy"] == false)
            #expect(answer.json?["detail"]?.stringValue?.contains("no whole answer within 10.0 seconds") == true)
        }
        await host.stop()
    }

    @Test("the variables of the seed are read, and mistakes are named")
    func configuration() async throws {
        let problem = #expect(throws: TestHostError.self) {
            try TestHost<GatewayPlugin>(
                configuration: ["workers": [["url": "ftp://x"]], "max_attempts": 0, "queue_cache_tll": 1],
                environment: ["WORKER_REQUEST_TIMEOUT": "soon"])
        }
        let words = problem?.description ?? ""
        #expect(words.contains("plugins.gateway.workers[1].url: expected an http or https URL"))
        #expect(words.contains("plugins.gateway.max_attempts: 0 is outside 1…100"))
        #expect(words.contains("did you mean \"queue_cache_ttl\"?"))
        #expect(words.contains("environment variable WORKER_REQUEST_TIMEOUT"))
    }

    @Test("passwords in storage are sealed")
    func sealed() async throws {
        let host = try TestHost<GatewayPlugin>(
            configuration: [
                "workers": [["url": "http://w:1", "auth_username": "u", "auth_password": "hunter2"]]
            ])
        try await host.start()
        let stored = try await host.database.read { connection in
            try connection.first("SELECT auth_password_sealed AS p FROM gateway_workers") {
                try $0.get("p", as: String.self)
            }
        }
        #expect(stored?.contains("hunter2") == false)
        #expect(await host.send(.get, "/api/workers").text.contains("hunter2") == false)
        await host.stop()
    }
}
