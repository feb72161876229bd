import Glibc
import PluginAPI
import Testing

/// The requests of the drop-in gateway's published API, each with the answers described for it.
@Suite("every published route answers as described")
struct SeedRoutesTests {
    private static let unknown = "00000000-0000-4000-8000-000000000000"

    @Test("GET /api/workers lists workers and their state, in the order of registration")
    func workers() async throws {
        try await withCluster(servers: 2) { cluster in
            let answer = try await cluster.probe.get("/api/workers")
            #expect(answer.status == 200)
            let workers = try #require(answer.json["workers"]?.arrayValue)
            #expect(workers.map { $0["name"] } == ["sim-1", "sim-2"])
            let first = try #require(workers.first)
            #expect(first["worker_id"]?.stringValue?.count == 36)
            #expect(first["url"] == .string(cluster.servers[0].url))
            let rest: JSONObject = [
                "weight": 1, "enabled": true, "healthy": true, "queue_running": 0, "queue_pending": 0,
                "auth_username": .null, "auth_has_password": false,
            ]
            for (key, value) in rest { #expect(first[key] == value, "\(key)") }
        }
    }

    @Test("POST /api/workers registers: url, name and weight")
    func register() async throws {
        try await withCluster(servers: 0) { cluster in
            let server = try await SimulatedServer.start("own", settings: "")
            defer { server.daemon.end() }
            let plain = try await cluster.probe.post("/api/workers", ["url": .string(server.url + "/")])
            #expect(plain.status == 200)
            #expect(plain.json["url"] == .string(server.url))
            #expect(plain.json["name"] == .string(server.url), "the name is the URL when none is given")
            #expect(plain.json["weight"] == 1)
            #expect(plain.json["enabled"] == true)
            #expect(plain.json["healthy"] == true)
            let named = try await cluster.probe.post(
                "/api/workers", ["url": "http://127.0.0.1:9", "name": "gpu", "weight": 3, "unknown": [1]])
            #expect(named.status == 200)
            #expect(named.json["name"] == "gpu")
            #expect(named.json["weight"] == 3)
            for (body, status) in [([:], 422), (["url": "not a url"], 422), (["url": 5], 422)] as [(JSON, Int)] {
                let refused = try await cluster.probe.post("/api/workers", body)
                #expect(refused.status == status)
                #expect(refused.json["detail"]?[0]?["loc"] == ["body", "url"], "\(refused)")
            }
        }
    }

    @Test("PATCH /api/workers/{id} changes, DELETE removes, both answer 404 for an unknown id")
    func change() async throws {
        try await withCluster(servers: 1) { cluster in
            let id = try #require(try await cluster.worker(0)["worker_id"]?.stringValue)
            let patched = try await cluster.patch("/api/workers/\(id)", ["name": "new", "weight": 7, "enabled": false])
            #expect(patched.status == 200)
            #expect(patched.json["worker_id"] == .string(id))
            let listed = try await cluster.worker(0)
            #expect([listed["name"], listed["weight"], listed["enabled"]] == ["new", 7, false])
            #expect(try await cluster.probe.post("/api/prompt", ["prompt": Workflow.image("off")]).status == 503)
            #expect(try await cluster.probe.send("DELETE", "/api/workers/\(id)").json == ["ok": true])
            #expect(try await cluster.probe.get("/api/workers").json == ["workers": []])
            for answer in [
                try await cluster.patch("/api/workers/\(Self.unknown)", ["name": "x"]),
                try await cluster.probe.send("DELETE", "/api/workers/\(id)"),
            ] {
                #expect(answer.status == 404)
                #expect(answer.json["detail"]?.stringValue != nil)
            }
        }
    }

    @Test("POST /api/prompt without priority submits at once, to the worker with the shortest queue")
    func prompt() async throws {
        try await withCluster(servers: 2) { cluster in
            var workers: [JSON?] = []
            for number in 0..<4 {
                let answer = try await cluster.probe.post(
                    "/api/prompt",
                    ["prompt": Workflow.slow("seed-\(number)", seconds: 0.5, color: number), "client_id": "seed"])
                #expect(answer.status == 200)
                #expect(answer.json["node_errors"] == [:])
                #expect(answer.json["number"] != nil)
                let id = try #require(answer.json["prompt_id"]?.stringValue)
                workers.append(try await cluster.status(id)["worker_name"])
            }
            #expect(Set(workers.prefix(2).compactMap { $0?.stringValue }) == ["sim-1", "sim-2"])
            #expect(workers.filter { $0 == "sim-1" }.count == 2)
        }
    }

    @Test("POST /api/prompt with priority answers a gateway_job_id; larger numbers start earlier")
    func priority() async throws {
        try await withCluster(servers: 1, gateway: "max_in_flight: 1") { cluster in
            try await cluster.submit(Workflow.slow("blocker", seconds: 1))
            var jobs: [(priority: Int, id: String)] = []
            for priority in [1, 10, -5, 100] {
                let graph = Workflow.image("seed-\(priority)", color: 500 + priority)
                jobs.append((priority, try await cluster.queue(graph, priority: priority)))
            }
            var prompts: [String: Int] = [:]
            for job in jobs {
                let done = try await cluster.gatewayJob(job.id, becomes: "done")
                prompts[try #require(done["prompt_id"]?.stringValue)] = job.priority
            }
            let order = try cluster.servers[0].runs.prompts("started").compactMap { prompts[$0] }
            #expect(order == [100, 10, 1, -5])
        }
    }

    @Test("GET /api/task/gateway/{id} goes through queued, submitted or running, to done")
    func gatewayJob() async throws {
        try await withCluster(servers: 1, gateway: "max_in_flight: 1") { cluster in
            let blocker = try await cluster.submit(Workflow.slow("blocker", seconds: 0.5))
            let id = try await cluster.queue(Workflow.slow("seed", seconds: 0.5, color: 1), priority: 1)
            let queued = try await cluster.gatewayJob(id)
            #expect(queued["status"] == "queued")
            #expect(queued["prompt_id"]?.isNull == true)
            try await cluster.ended(blocker)
            var seen: [String] = []
            try await eventually("it is done") {
                let now = try await cluster.gatewayJob(id)
                let status = now["status"]?.stringValue ?? ""
                if seen.last != status { seen.append(status) }
                if status != "queued" { #expect(now["prompt_id"]?.stringValue != nil, "\(now)") }
                return status == "done"
            }
            #expect(seen.contains("running"), "\(seen)")
            let order = ["queued", "submitted", "running", "done"]
            #expect(seen == order.filter { seen.contains($0) }, "they come in this order, each once")
            #expect(try await cluster.probe.get("/api/task/gateway/\(Self.unknown)").status == 404)
        }
    }

    @Test("GET /api/task/{prompt_id}/status: queued, running with progress, done with 100")
    func status() async throws {
        try await withCluster(servers: 1) { cluster in
            let first = try await cluster.submit(Workflow.slow("first", seconds: 1, steps: 20))
            let second = try await cluster.submit(Workflow.slow("second", seconds: 0.1, color: 2))
            #expect(try await cluster.status(second)["status"] == "queued")
            let running = try await eventually("it makes progress") { () -> JSON? in
                let status = try await cluster.status(first)
                let progress = status["progress"]?.intValue ?? 0
                return status["status"] == "running" && progress > 0 ? status : JSON?.none
            }
            #expect((1..<100).contains(try #require(running["progress"]?.intValue)))
            #expect(running["prompt_id"] == .string(first))
            #expect(running["worker_name"] == "sim-1")
            for id in [first, second] {
                let done = try await cluster.ended(id)
                #expect(done["status"] == "done")
                #expect(done["progress"] == 100)
                #expect(done["history"]?[id] != nil)
            }
            #expect(try await cluster.probe.get("/api/task/\(Self.unknown)/status").status == 404)
        }
    }

    @Test(
        "GET /api/history/{prompt_id}: 200 and empty until it has ended, then ComfyUI's entry with links to /api/view")
    func history() async throws {
        try await withCluster(servers: 1) { cluster in
            let id = try await cluster.submit(Workflow.slow("seed", seconds: 0.4))
            let early = try await cluster.probe.get("/api/history/\(id)")
            #expect(early.status == 200)
            #expect(early.json == [:])
            try await cluster.ended(id)
            let history = try #require(try await cluster.history(id))
            #expect(history["prompt"]?[1] == .string(id))
            #expect(history["status"]?["completed"] == true)
            let image = try #require(history["outputs"]?["9"]?["images"]?[0])
            #expect(image["type"] == "output")
            let link = try #require(image["url"]?.stringValue)
            #expect(link.contains("/api/view?") && link.contains("prompt_id=\(id)"))
            #expect(try await cluster.fetch(link: link)["content-type"] == "image/png")
        }
    }

    @Test("GET /api/view needs a prompt_id where several workers could have the file")
    func view() async throws {
        try await withCluster(servers: 2) { cluster in
            let id = try await cluster.submit(Workflow.image("seed"))
            try await cluster.ended(id)
            let query = "filename=seed_00001_.png&subfolder=&type=output"
            let file = try await cluster.probe.get("/api/view?\(query)&prompt_id=\(id)")
            #expect(file.status == 200)
            #expect(file.body.starts(with: [0x89, 0x50, 0x4E, 0x47]))
            for (target, status) in [(query, 400), ("\(query)&prompt_id=\(Self.unknown)", 404)] {
                let answer = try await cluster.probe.get("/api/view?\(target)")
                #expect(answer.status == status)
                #expect(answer.json["detail"]?.stringValue != nil)
            }
        }
    }

    @Test("GET /api/queue is the state of all queues")
    func queue() async throws {
        try await withCluster(servers: 2) { cluster in
            var ids: [String] = []
            for number in 0..<4 {
                ids.append(try await cluster.submit(Workflow.slow("seed-\(number)", seconds: 1, color: number)))
            }
            let answer = try await eventually("both run") { () -> JSON? in
                let answer = try await cluster.probe.get("/api/queue")
                #expect(answer.status == 200)
                return answer.json["total_running"] == 2 ? answer.json : JSON?.none
            }
            #expect(answer["total_pending"] == 2)
            #expect(answer["workers"]?.arrayValue?.map { $0["queue_running"] } == [1, 1])
            let entries = try #require(answer["gateway_queue"]?.arrayValue)
            #expect(Set(entries.compactMap { $0["prompt_id"]?.stringValue }) == Set(ids))
            #expect(entries.filter { $0["status"] == "running" }.count == 2)
            #expect(entries.filter { $0["status"] == "pending" && $0["position"] == 1 }.count == 2)
        }
    }

    @Test("WORKER_AUTH_USERNAME and WORKER_AUTH_PASSWORD go to all workers, a worker's own pair comes first")
    func authentication() async throws {
        let variables = [
            "WORKER_AUTH_USERNAME": "all", "WORKER_AUTH_PASSWORD": "shared", "WORKER_REQUEST_TIMEOUT": "7",
        ]
        try await withCluster(servers: 0, environment: variables) { cluster in
            let shared = try await SimulatedServer.start("shared", settings: "user: all\npassword: shared")
            defer { shared.daemon.end() }
            let own = try await SimulatedServer.start("own", settings: "user: me\npassword: mine")
            defer { own.daemon.end() }
            let first = try await cluster.probe.post("/api/workers", ["url": .string(shared.url)])
            #expect(first.json["healthy"] == true, "\(first)")
            let second = try await cluster.probe.post(
                "/api/workers", ["url": .string(own.url), "auth_username": "me", "auth_password": "mine"])
            #expect(second.json["healthy"] == true, "\(second)")
            #expect(second.json["auth_has_password"] == true)
            for number in 0..<2 {
                let id = try await cluster.submit(Workflow.image("auth-\(number)", color: number))
                #expect(try await cluster.ended(id)["status"] == "done")
            }
        }
    }

    @Test("unknown paths are 404, wrong methods 405")
    func others() async throws {
        try await withCluster(servers: 0) { cluster in
            let unknown = try await cluster.probe.get("/api/nothing")
            #expect(unknown.status == 404)
            #expect(unknown.json["detail"] != nil)
            #expect(try await cluster.probe.send("DELETE", "/api/queue").status == 405)
        }
    }
}

private extension Cluster {
    func worker(_ index: Int) async throws -> JSON {
        try #require(try await probe.get("/api/workers").json["workers"]?[index])
    }

    func patch(_ target: String, _ body: JSON) async throws -> HTTPAnswer {
        try await probe.send("PATCH", target, body: body.serialized())
    }
}
