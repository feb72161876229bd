import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("What is told of a task")
struct TaskRouteTests {
    private let fast: JSONObject = ["queue_cache_ttl": 0.25, "worker_lost_after": "600s"]

    private func promptID(of job: String, _ rig: GatewayRig) throws -> String {
        try #require(rig.engine.table.promptID(ofGatewayJob: job))
    }

    @Test("a gateway job goes from queued over submitted and running to done, under both of its ids")
    func gatewayJob() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await rig.connected()
            // The worker is full.
            let before = [await rig.submit(), await rig.submit()].map { $0.json["prompt_id"]?.stringValue ?? "" }
            let job = try #require(await rig.submit(["priority": 7]).json["gateway_job_id"]?.stringValue)
            let path = "/api/task/gateway/\(job)"
            #expect(
                await rig.call(.get, path).json == [
                    "gateway_job_id": .string(job), "status": "queued", "prompt_id": nil, "worker_id": nil,
                    "priority": 7, "position": 1,
                ])
            let promptID = try promptID(of: job, rig)
            let waiting = await rig.call(.get, "/api/task/\(job)/status").json
            #expect(waiting["prompt_id"]?.stringValue == promptID)
            #expect(waiting["status"] == "queued" && waiting["position"] == 1)
            #expect(waiting["message"] == "The prompt waits in the gateway.")
            for _ in before {
                worker.start()
                worker.finish()
            }
            // Told while the prompt is on its way; the worker cannot start what it has not got.
            try await eventually("handed over") { await rig.call(.get, path).json["status"] == "submitted" }
            try await eventually("arrived") { worker.with { $0.pending.count == 1 } }
            let submitted = await rig.call(.get, path).json
            #expect(submitted["prompt_id"]?.stringValue == promptID)
            #expect(submitted["worker_id"]?.stringValue != nil)
            worker.start()
            try await eventually("running") { await rig.call(.get, path).json["status"] == "running" }
            worker.finish()
            try await rig.wait(job, for: "done")
            #expect(await rig.call(.get, path).json["status"] == "done")
            #expect(await rig.call(.get, "/api/task/gateway/\(promptID)").json["gateway_job_id"]?.stringValue == job)
            #expect(await rig.call(.get, "/api/history/\(job)").json[promptID]?["outputs"] != nil)
            let view = await rig.call(.get, "/api/view?prompt_id=\(job)&filename=a")
            #expect(view.json["code"] != "gateway.unknown_prompt")
        }
    }

    @Test("a gateway job that a worker refuses is failed, with its words and node errors")
    func refusedGatewayJob() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with {
            $0.behaviour = .answer(
                .badRequest,
                ["error": ["type": "t", "message": "no outputs"], "node_errors": ["3": ["errors": []]]])
        }
        try await GatewayRig.run([worker], fast) { rig in
            let job = await rig.submit(["priority": 0]).json["gateway_job_id"]?.stringValue ?? ""
            try await rig.wait(job, for: "failed")
            let answer = await rig.call(.get, "/api/task/gateway/\(job)").json
            #expect(answer["status"] == "failed" && answer["error"] == "no outputs")
            #expect(answer["node_errors"] == ["3": ["errors": []]])
        }
    }

    @Test("ids that nobody knows are 404, also where a word could be one")
    func unknown() async throws {
        try await GatewayRig.run([FakeComfy("http://a:1")]) { rig in
            let id = await rig.submit().json["prompt_id"]?.stringValue ?? ""
            let paths = [
                "/api/task/gateway/status", "/api/task/gateway/\(id)", "/api/task/x", "/api/task/x/explain",
                "/api/task/x/events", "/api/task/x/status",
            ]
            for path in paths { #expect(await rig.call(.get, path).status == .notFound, "\(path)") }
            #expect(await rig.call(.get, "/api/task/gateway/status").json["code"] == "gateway.unknown_job")
            #expect(await rig.call(.delete, "/api/task/x").status == .notFound)
            #expect(await rig.call(.patch, "/api/task/x", ["priority": 1]).status == .notFound)
        }
    }

    @Test("of a deleted worker's open prompts nothing is promised: 503, and unknown as gateway job; ended ones stay")
    func deletedWorker() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await rig.connected()
            let job = await rig.submit(["priority": 1]).json["gateway_job_id"]?.stringValue ?? ""
            try await eventually("handed over") { worker.count == 1 }
            let id = try promptID(of: job, rig)
            try await eventually("taken") { rig.engine.table[id]?.job.state == .submitted }
            let workerID = await rig.call(.get, "/api/workers").json["workers"]?[0]?["worker_id"]?.stringValue ?? ""
            _ = await rig.call(.delete, "/api/workers/\(workerID)")
            let status = await rig.call(.get, "/api/task/\(id)/status")
            #expect(status.status == .serviceUnavailable && status.json["code"] == "gateway.worker_gone")
            #expect(await rig.call(.get, "/api/task/gateway/\(job)").json["status"] == "unknown")
            worker.start()
            worker.finish()
            try await rig.wait(id, for: "done")
            #expect(await rig.call(.get, "/api/task/gateway/\(job)").json["status"] == "done")
        }
    }

    @Test("a worker that does not answer makes a task unknown, and a gateway job submitted")
    func silentWorker() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await rig.connected()
            let job = await rig.submit(["priority": 1]).json["gateway_job_id"]?.stringValue ?? ""
            try await eventually("handed over") { worker.count == 1 }
            worker.start()
            try await rig.wait(job, for: "running")
            worker.with { $0.isDown = true }
            try await rig.wait(job, for: "unknown")
            #expect(await rig.call(.get, "/api/task/gateway/\(job)").json["status"] == "submitted")
            let record = await rig.call(.get, "/api/task/\(job)").json
            #expect(record["status"] == "unknown" && record["state"] == "running" && record["progress"] == .null)
        }
    }

    @Test("a record has times, spans, attempts and the caller, open and ended alike")
    func record() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await rig.connected()
            let id = await rig.submit(["client_id": "c"]).json["prompt_id"]?.stringValue ?? ""
            worker.start()
            try await rig.wait(id, for: "running")
            worker.emit("executing", ["node": "3", "display_node": "3", "prompt_id": .string(id)])
            try await eventually("a node is shown") {
                await rig.call(.get, "/api/task/\(id)").json["current_node"] == "3"
            }
            let open = await rig.call(.get, "/api/task/\(id)").json
            #expect(open["state"] == "running" && open["caller"] == "client:c" && open["attempts"] == 1)
            #expect(open["finished_at"] == .null && open["error"] == .null && open["gateway_job_id"] == .null)
            try await Task.sleep(for: .milliseconds(30))
            worker.finish(error: "out of memory")
            try await rig.wait(id, for: "failed")
            let ended = await rig.call(.get, "/api/task/\(id)").json
            #expect(ended["state"] == "failed" && ended["error"] == "out of memory")
            #expect(ended["created_at"] == open["created_at"] && ended["started_at"] == open["started_at"])
            let times = ["created_at", "submitted_at", "started_at", "finished_at"].compactMap {
                ended[$0]?.stringValue.flatMap { Timestamp(iso8601: $0) }
            }
            #expect(times.count == 4 && times == times.sorted())
            #expect(ended["run_seconds"]?.doubleValue ?? 0 >= 0.03)
            #expect(
                ended["run_seconds"]?.doubleValue == Double(times[3].milliseconds - times[2].milliseconds) / 1000)
            #expect(
                ended["wait_seconds"]?.doubleValue == Double(times[2].milliseconds - times[0].milliseconds) / 1000)
        }
    }

    @Test("the story has every transition with its reason, candidates and workers' names, also those not yet on disk")
    func explain() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        let workers: JSON = [["url": "http://a:1", "name": "a"], ["url": "http://b:1", "name": "b", "weight": 2]]
        try await GatewayRig.run([first, second], ["workers": workers]) { rig in
            try await rig.connected()
            let id = await rig.submit(["client_id": "c"]).json["prompt_id"]?.stringValue ?? ""
            #expect(second.submitted == [id])
            // Nothing is written meanwhile: what the answer has is not from the usual moment of the journal.
            second.start()
            try await rig.wait(id, for: "running")
            let story = await rig.call(.get, "/api/task/\(id)/explain").json
            let events = story["events"]?.arrayValue ?? []
            #expect(story["state"] == "running" && story["waiting_for"] == nil)
            #expect(
                events.map { $0["state"]?.stringValue } == ["queued", "dispatching", "submitted", "running"],
                "\(story)")
            #expect(events.map { $0["actor"]?.stringValue } == ["client:c", "gateway", "worker", "worker"])
            #expect(events.map { $0["worker_name"]?.stringValue } == [nil, "b", "b", "b"])
            #expect(events[1]["candidates"]?.arrayValue?.map { $0["name"] } == ["b", "a"])
            #expect(events[1]["candidates"]?[1]?["verdict"] == "smaller weight")
            #expect(events[1]["reason"] == "chose b out of 2")
            second.finish()
            try await rig.wait(id, for: "done")
            let whole = await rig.call(.get, "/api/task/\(id)/explain").json
            #expect(whole["events"]?.arrayValue?.count == 5 && whole["state"] == "done")
        }
    }

    @Test("a waiting prompt is told what it waits for")
    func waitingFor() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await rig.connected()
            for _ in 0..<2 { _ = await rig.submit() }
            let job = await rig.submit(["priority": 1]).json["gateway_job_id"]?.stringValue ?? ""
            let story = await rig.call(.get, "/api/task/\(job)/explain").json
            #expect(story["position"] == 1)
            #expect(story["waiting_for"] == "the only usable worker has 2 or more jobs ahead")
            worker.with { $0.isDown = true }
            try await eventually("noticed") {
                await rig.call(.get, "/api/task/\(job)/explain").json["waiting_for"] == "no worker answers"
            }
        }
    }

    @Test("the queue lists what waits here, also in ComfyUI's form")
    func queue() async throws {
        try await GatewayRig.run([]) { rig in
            let low = await rig.submit(["priority": 1]).json["gateway_job_id"] ?? nil
            let high = await rig.submit(["priority": 2, "client_id": "c"]).json["gateway_job_id"] ?? nil
            let queue = await rig.call(.get, "/api/queue").json
            #expect(queue["waiting"] == 2)
            let listed = queue["priority_queue"]?.arrayValue ?? []
            #expect(listed.map { $0["gateway_job_id"] } == [high, low])
            #expect(listed.map { $0["position"] } == [1, 2] && listed.map { $0["priority"] } == [2, 1])
            #expect(listed[0]["created_at"]?.stringValue.flatMap { Timestamp(iso8601: $0) } != nil)
            let items = queue["queue_pending"]?.arrayValue ?? []
            #expect(items.map { $0[1] } == listed.map { $0["prompt_id"] })
            #expect(items.first?[3] == ["client_id": "c"] && items.first?.arrayValue?.count == 5)
            #expect(queue["total_pending"] == 0)
        }
    }
}
