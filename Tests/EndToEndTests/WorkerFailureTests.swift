import PluginAPI
import Testing

@Suite("servers fail with jobs inside")
struct WorkerFailureTests {
    private static let impatient = "health_interval: 250ms\nqueue_cache_ttl: 250ms\nworker_lost_after: 1s"

    @Test("jobs of a server that is killed run on another")
    func killed() async throws {
        try await withCluster(servers: 2, gateway: Self.impatient) { cluster in
            var ids: [String] = []
            for number in 0..<8 {
                ids.append(try await cluster.submit(Workflow.slow("killed-\(number)", seconds: 0.4, color: number)))
            }
            try await eventually("both servers have jobs") {
                let queue = try await cluster.probe.get("/api/queue").json
                return queue["total_running"] == 2
            }
            try await cluster.servers[0].daemon.crash()
            for id in ids { #expect(try await cluster.ended(id)["status"] == "done") }
            let ran = try await cluster.servers[1].history()
            #expect(ran.count >= 5, "the second server ran \(ran.count) of 8")
            let workers = try await cluster.probe.get("/api/workers").json["workers"]
            #expect(workers?.arrayValue?.map { $0["healthy"] } == [false, true])
        }
    }

    @Test("jobs of a server that comes back with an empty memory are given to it again")
    func forgotten() async throws {
        try await withCluster(servers: 1, gateway: Self.impatient) { cluster in
            var ids: [String] = []
            for number in 0..<4 {
                ids.append(try await cluster.submit(Workflow.slow("again-\(number)", seconds: 0.3, color: number)))
            }
            try await eventually("the first runs") { try await cluster.status(ids[0])["status"] == "running" }
            try await cluster.servers[0].daemon.crash()
            try await cluster.servers[0].restart()
            for id in ids { #expect(try await cluster.ended(id)["status"] == "done") }
            let history = try await cluster.servers[0].history()
            #expect(Set(history.keys).isSubset(of: Set(ids)))
            #expect(history.keys.contains(ids[3]))
            let numbers = history.values.compactMap { $0["prompt"]?[0]?.intValue }
            #expect((numbers.max() ?? -1) + 1 == history.count, "something ran twice after the restart: \(numbers)")
        }
    }

    @Test("jobs of a server whose thread died run on another, and each counts once")
    func deadThread() async throws {
        let settings = Self.impatient + "\nworker_stall_timeout: 2s"
        try await withCluster(servers: 2, gateway: settings) { cluster in
            let dead = try await cluster.servers[0].probe.post("/simulator/control", ["dead_worker": true])
            #expect(dead.status == 200)
            let ids = try await concurrently(Array(0..<4)) {
                try await cluster.submit(Workflow.slow("dead-\($0)", seconds: 0.1, color: $0))
            }
            for id in ids {
                let status = try await cluster.ended(id)
                #expect(status["status"] == "done")
                #expect(status["worker_name"] == "sim-2")
            }
            let workers = try await cluster.probe.get("/api/workers").json["workers"]
            #expect(workers?[0]?["detail"]?.stringValue?.contains("stands still") ?? false)
            #expect(try await cluster.servers[0].history().isEmpty)
            #expect(try await cluster.servers[1].history().count == ids.count)
        }
    }

    @Test("a server that fails at every prompt gets few of them, and fails none of the jobs")
    func blackHole() async throws {
        try await withCluster(servers: 2, gateway: Self.impatient) { cluster in
            try await cluster.servers[0].probe.post("/simulator/control", ["refuse_prompts": true])
            for number in 0..<8 {
                try await cluster.ended(try await cluster.submit(Workflow.image("hole-\(number)")))
            }
            let workers = try await cluster.probe.get("/api/workers").json["workers"]?.arrayValue
            #expect(workers?.map { $0["breaker"] } == ["open", "closed"])
            #expect(try await cluster.servers[1].history().count == 8)
        }
    }

    @Test("a server that refuses connections costs a submit no time and no error")
    func refused() async throws {
        try await withCluster(servers: 2, gateway: "health_interval: 1h\nqueue_cache_ttl: 1h") { cluster in
            try await cluster.servers[0].daemon.crash()
            let start = ContinuousClock.now
            let ids = try await concurrently(Array(0..<6)) { try await cluster.submit(Workflow.image("refused-\($0)")) }
            #expect(ContinuousClock.now - start < .seconds(4 * Places.patience))
            for id in ids {
                let status = try await cluster.ended(id)
                #expect(status["status"] == "done")
                #expect(status["worker_name"] == "sim-2")
            }
        }
    }

    @Test(
        "a server that takes prompts and drops the answers runs each job once",
        arguments: [("1", "all"), ("0.5", "half")])
    func dropped(share: String, name: String) async throws {
        try await withCluster(
            servers: 1, settings: "drop_prompt_answers: \(share)\nseed: 11", gateway: Self.impatient
        ) { cluster in
            let ids = try await concurrently(Array(0..<6)) {
                try await cluster.submit(Workflow.slow("dropped-\($0)", seconds: 0.1, color: $0))
            }
            for id in ids { #expect(try await cluster.ended(id)["status"] == "done") }
            let history = try await cluster.servers[0].history()
            #expect(Set(history.keys) == Set(ids))
            let numbers = history.values.compactMap { $0["prompt"]?[0]?.intValue }
            #expect((numbers.max() ?? -1) + 1 == ids.count, "\(name): a prompt was sent twice: \(numbers)")
        }
    }

    @Test("Basic authentication towards a worker is used for prompts, progress and files")
    func authentication() async throws {
        try await withCluster(servers: 0, gateway: Self.impatient) { cluster in
            let server = try await SimulatedServer.start("locked", settings: "user: ops\npassword: open sesame")
            defer { server.daemon.end() }
            #expect(try await server.probe.get("/queue").status == 401)
            let closed = try await cluster.probe.post("/api/workers", ["url": .string(server.url)])
            #expect(closed.json["healthy"] == false)
            let id = try #require(closed.json["worker_id"]?.stringValue)
            let opened = try await cluster.probe.send(
                "PATCH", "/api/workers/\(id)",
                body: Array(#"{"auth_username":"ops","auth_password":"open sesame"}"#.utf8))
            #expect(opened.json["auth_has_password"] == true)
            try await eventually("the worker is healthy") {
                try await cluster.probe.get("/api/workers").json["workers"]?[0]?["healthy"] == true
            }
            let job = try await cluster.submit(Workflow.image("locked"))
            #expect(try await cluster.ended(job)["status"] == "done")
            let url = try #require(
                try await cluster.history(job)?["outputs"]?["9"]?["images"]?[0]?["url"]?.stringValue)
            #expect(try await cluster.fetch(link: url).status == 200)
        }
    }

    @Test("a server that does not answer holds up nobody who asks about other things")
    func silent() async throws {
        try await withCluster(servers: 1, gateway: "worker_request_timeout: 20s") { cluster in
            let finished = try await cluster.submit(Workflow.image("silent"))
            try await cluster.ended(finished)
            let silent = try await SimulatedServer.start("silent", settings: "answer_delay: 8s")
            defer { silent.daemon.end() }
            let registering = Task { try await cluster.probe.post("/api/workers", ["url": .string(silent.url)]) }
            let start = ContinuousClock.now
            for _ in 0..<10 {
                try await cluster.ended(try await cluster.submit(Workflow.image("beside")))
                #expect(try await cluster.status(finished)["status"] == "done")
                #expect(try await cluster.history(finished) != nil)
            }
            #expect(ContinuousClock.now - start < .seconds(4 * Places.patience))
            // The view of all queues asks every server, each for at most five seconds.
            #expect(try await cluster.probe.get("/api/queue").status == 200)
            #expect(ContinuousClock.now - start < .seconds(10 * Places.patience))
            registering.cancel()
        }
    }
}
