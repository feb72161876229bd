import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("Lists of results, and results of prompts of others")
struct HistoryTests {
    private let fast: JSONObject = ["queue_cache_ttl": 0.25]
    private let limited = Principal(kind: .apiKey, id: "a", name: "a", scopes: ["jobs"])

    /// Ended jobs `j1`, `j2`, … that ended at 1 s, 2 s, …; the even ones are those of the key `a`.
    private func fill(_ rig: GatewayRig, _ count: Int) async throws {
        let store = rig.engine.store
        for number in 1...count {
            let time = Timestamp(milliseconds: Int64(number) * 1000)
            var job = Job(
                promptID: "j\(number)", caller: number % 2 == 0 ? "key:a" : "key:b", state: .queued, nodeCount: 1,
                fingerprint: "f", createdAt: time)
            job.sequence = Int64(number)
            let event = JobEvent(job, at: time, .gateway("test"))
            try await store.insert(job, submission: [], events: [event])
            job.state = .done
            let history = Self.entry("j\(number)", at: number * 1000, client: rig.engine.clientID).serialized()
            _ = try await store.finish([JobEnding(job: job, history: history, event: event, copies: [], pending: nil)])
        }
    }

    private static func entry(_ id: String, at time: Int, client: String = "theirs") -> JSON {
        [
            "prompt": [1, .string(id), [:], ["client_id": .string(client), "api_key_comfy_org": "secret"], []],
            "outputs": ["9": ["images": [["filename": "a.png", "subfolder": "", "type": "output"]]]],
            "status": [
                "status_str": "success", "completed": true,
                "messages": [["execution_success", ["timestamp": .number(JSONNumber(time))]]],
            ],
        ]
    }

    private func put(_ entries: [(String, Int)], on worker: FakeComfy, client: String = "theirs") {
        worker.with { state in
            for (id, time) in entries {
                state.history[id] = Self.entry(id, at: time, client: client)
                state.historyOrder.append(id)
            }
        }
    }

    private func ids(_ answer: GatewayRig.Answer) -> [String] { answer.json.objectValue?.map(\.key) ?? [] }

    @Test("stored results and those of others in the order in which they ended, with a link to each file and no keys")
    func union() async throws {
        let workers = [FakeComfy("http://a:1"), FakeComfy("http://b:1")]
        try await GatewayRig.run(workers, fast) { rig in
            try await eventually("healthy") { rig.engine.pool.members.allSatisfy { $0.health == .healthy } }
            #expect(await rig.call(.get, "/api/history").json == [:])
            try await fill(rig, 3)
            put([("f1", 1500), ("f2", 2500)], on: workers[0])
            put([("f0", 500), ("f3", 9000)], on: workers[1])
            // What this gateway sent is known here, or was deleted here.
            put([("j1", 1000), ("forgotten", 800)], on: workers[1], client: rig.engine.clientID)
            let answer = await rig.call(.get, "/api/history")
            #expect(answer.status == .ok && ids(answer) == ["f0", "j1", "f1", "j2", "f2", "j3", "f3"])
            #expect(
                answer.json["f3"]?["outputs"]?["9"]?["images"]?[0]?["url"]
                    == "http://gw:8000/api/view?prompt_id=f3&filename=a.png&subfolder=&type=output")
            #expect(answer.json["j1"]?["outputs"]?["9"]?["images"]?[0]?["url"] != nil)
            #expect(answer.json["f3"]?["prompt"]?[3] == ["client_id": "theirs"])
            let backend = try await GatewayBackend(engine: rig.engine).histories(HistoryRange(maxItems: 3))
            #expect(backend.map(\.key) == ["f2", "j3", "f3"])
            #expect(
                backend["f2"]?["outputs"]?["9"]?["images"]?[0] == [
                    "filename": "a.png", "subfolder": "", "type": "output",
                ])
        }
    }

    @Test(
        "parts as ComfyUI cuts them",
        arguments: [
            ("max_items=2", "j3 f3"), ("max_items=0", ""), ("max_items=-3", ""),
            ("max_items=99999", "f0 j1 f1 j2 f2 j3 f3"),
            ("max_items=2&offset=0", "f0 j1"), ("max_items=3&offset=2", "f1 j2 f2"), ("offset=5", "j3 f3"),
            ("offset=-4&max_items=1", "f3"), ("offset=7", ""), ("offset=9223372036854775807", ""),
            ("offset=6&max_items=5", "f3"),
        ])
    func parts(_ query: String, _ expected: String) async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await fill(rig, 3)
            put([("f0", 500), ("f1", 1500), ("f2", 2500), ("f3", 9000)], on: worker)
            try await eventually("healthy") { rig.engine.pool.members.allSatisfy { $0.health == .healthy } }
            #expect(ids(await rig.call(.get, "/api/history?\(query)")).joined(separator: " ") == expected)
        }
    }

    @Test("what is no integer is refused", arguments: ["max_items=x", "offset=1.5", "max_items=99999999999999999999"])
    func noInteger(_ query: String) async throws {
        try await GatewayRig.run([FakeComfy("http://a:1")]) { rig in
            let answer = await rig.call(.get, "/api/history?\(query)")
            #expect(answer.status == .unprocessableContent && answer.json["detail"]?[0]?["type"] == "int_parsing")
        }
    }

    @Test("a key finds its own results, and no worker is asked for it")
    func ownResults() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await fill(rig, 4)
            put([("f1", 1500)], on: worker)
            try await eventually("healthy") { rig.engine.pool.members.allSatisfy { $0.health == .healthy } }
            #expect(ids(await rig.call(.get, "/api/history", principal: limited)) == ["j2", "j4"])
            #expect(await rig.call(.get, "/api/history/f1", principal: limited).status == .notFound)
            #expect(
                await rig.call(.get, "/api/view?prompt_id=f1&filename=a.png", principal: limited).status == .notFound)
            let asked = worker.with { $0.requests.filter { $0.url.contains("/history") || $0.url.contains("/view") } }
            #expect(asked.isEmpty)
        }
    }

    @Test("a silent worker, and one that answers nonsense, delay nobody beyond the limit")
    func silentWorkers() async throws {
        let workers = (0..<3).map { FakeComfy("http://w\($0):1") }
        try await GatewayRig.run(workers, fast) { rig in
            try await eventually("healthy") { rig.engine.pool.members.allSatisfy { $0.health == .healthy } }
            put([("f1", 1500)], on: workers[2])
            workers[0].with { worker in
                worker.silence = { try await Task.sleep(for: .seconds(60)) }
                worker.isSilent = true
            }
            workers[1].with { state in
                state.history["f2"] = "no entry"
                state.historyOrder = ["f2"]
            }
            let began = ContinuousClock.now
            #expect(ids(await rig.call(.get, "/api/history")) == ["f1"])
            #expect(began.duration(to: .now) < .seconds(30))
        }
    }

    @Test("a prompt of somebody else has a result, {} while it is unfinished, and its files; unknown ones are refused")
    func foreign() async throws {
        let workers = [FakeComfy("http://a:1"), FakeComfy("http://b:1")]
        try await GatewayRig.run(workers, fast) { rig in
            try await eventually("healthy") { rig.engine.pool.members.allSatisfy { $0.health == .healthy } }
            workers[1].with { state in
                state.pending = [[1, "f", [:], ["client_id": "theirs", "api_key_comfy_org": "secret"], []]]
                state.view = { _ in ClientResponse(status: .ok, body: HTTPBody([7])) }
            }
            #expect(await rig.call(.get, "/api/history/f").json == [:])
            workers[1].start()
            workers[1].finish()
            let answer = await rig.call(.get, "/api/history/f")
            #expect(answer.status == .ok && answer.json["f"]?["prompt"]?[3] == ["client_id": "theirs"])
            #expect(
                answer.json["f"]?["outputs"]?["9"]?["images"]?[0]?["url"]?.stringValue?.contains("prompt_id=f&") == true
            )
            #expect(await rig.call(.get, "/api/view?prompt_id=f&filename=a.png").bytes == [7])
            let unknown = await rig.call(.get, "/api/history/nobody")
            #expect(unknown.status == .notFound)
            #expect(unknown.json["detail"] == unknown.json["error"] && unknown.json["code"] == "gateway.unknown_prompt")
            #expect(unknown.json["status_code"] == 404)
        }
    }

    @Test("history_unknown: empty answers as ComfyUI does")
    func unknownIsEmpty() async throws {
        try await GatewayRig.run([FakeComfy("http://a:1")], ["history_unknown": "empty"]) { rig in
            let answer = await rig.call(.get, "/api/history/nobody")
            #expect(answer.status == .ok && answer.json == [:])
        }
    }

    @Test("an open prompt whose worker is gone is not said to be unfinished")
    func ownerGone() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            #expect(await rig.submit(["prompt_id": "a"]).status == .ok)
            #expect(await rig.call(.get, "/api/history/a").json == [:])
            let id = try #require(rig.engine.pool.members.first?.worker.id)
            #expect(await rig.call(.delete, "/api/workers/\(id)").status.isSuccess)
            let answer = await rig.call(.get, "/api/history/a")
            #expect(answer.status == .serviceUnavailable && answer.json["code"] == "gateway.worker_gone")
        }
    }

    @Test("files without a prompt are the one worker's; of several they are refused, and for keys")
    func viewWithoutPrompt() async throws {
        let workers = [FakeComfy("http://a:1"), FakeComfy("http://b:1")]
        for worker in workers { worker.with { $0.view = { _ in ClientResponse(status: .ok, body: HTTPBody([7])) } } }
        try await GatewayRig.run(workers) { rig in
            let target = "/api/view?filename=a.png&subfolder=x&type=input"
            let refused = await rig.call(.get, target)
            #expect(refused.status == .badRequest && refused.json["code"] == "gateway.bad_view")
            let id = try #require(rig.engine.pool.members.first?.worker.id)
            _ = await rig.call(.patch, "/api/workers/\(id)", ["enabled": false])
            #expect(await rig.call(.get, target).bytes == [7])
            #expect(
                workers[1].with { $0.requests.last?.url } == "http://b:1/view?filename=a.png&type=input&subfolder=x")
            let key = await rig.call(.get, target, principal: limited)
            #expect(key.status == .badRequest && key.json["detail"]?.stringValue?.contains("jobs:all") == true)
            #expect(await rig.call(.get, "/api/view?filename=..%2Fx").status == .badRequest)
        }
    }
}
