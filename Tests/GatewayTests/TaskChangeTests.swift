import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("Tasks are cancelled and moved")
struct TaskChangeTests {
    private let fast: JSONObject = ["queue_cache_ttl": 0.25, "worker_lost_after": "600s"]

    @Test("a job that waits here is cancelled; a second time it has ended")
    func waiting() async throws {
        try await GatewayRig.run([]) { rig in
            let job = await rig.submit(["priority": 1]).json["gateway_job_id"]?.stringValue ?? ""
            let id = try #require(rig.engine.table.promptID(ofGatewayJob: job))
            let answer = await rig.call(.delete, "/api/task/\(job)")
            #expect(answer.json == ["prompt_id": .string(id), "status": "cancelled"])
            #expect(rig.engine.waiting.count == 0)
            let again = await rig.call(.delete, "/api/task/\(id)")
            #expect(again.status == .conflict && again.json["code"] == "gateway.job_ended")
            #expect(again.json["state"] == "cancelled" && again.json["detail"]?.stringValue != nil)
            #expect(await rig.status(id) == "failed")
            let last = await rig.call(.get, "/api/task/\(id)/explain").json["events"]?.arrayValue?.last
            #expect(last?["state"] == "cancelled" && last?["actor"] == "address:unknown")
        }
    }

    @Test("a job in a worker's queue is removed there, a running one is interrupted")
    func onWorker() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await rig.connected()
            let ids = [await rig.submit(), await rig.submit()].map { $0.json["prompt_id"]?.stringValue ?? "" }
            worker.start()
            try await rig.wait(ids[0], for: "running")
            #expect(await rig.call(.delete, "/api/task/\(ids[1])").status == .ok)
            #expect(worker.count == 1)
            #expect(await rig.status(ids[1]) == "failed")
            #expect(await rig.call(.delete, "/api/task/\(ids[0])").json["status"] == "cancelled")
            let interrupts = worker.with { $0.requests.filter { $0.url.hasSuffix("/interrupt") } }
            #expect(interrupts.count == 1)
            #expect(await rig.status(ids[0]) == "running")
        }
    }

    @Test("a job of a worker that does not answer ends at once, and the worker is told when it is back")
    func silentWorker() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await rig.connected()
            let id = await rig.submit().json["prompt_id"]?.stringValue ?? ""
            worker.with { $0.isDown = true }
            try await rig.wait(id, for: "unknown")
            #expect(await rig.call(.delete, "/api/task/\(id)").json["status"] == "cancelled")
            #expect(await rig.call(.get, "/api/task/\(id)").json["state"] == "cancelled")
            #expect(worker.count == 1)
            worker.with { $0.isDown = false }
            try await eventually("removed there") { worker.count == 0 }
        }
    }

    @Test("a waiting job is moved by priority and by position, and stays there after a restart")
    func move() async throws {
        try await GatewayRig.run([]) { rig in
            var jobs: [String] = []
            for _ in 0..<3 { jobs.append(await rig.submit(["priority": 1]).json["gateway_job_id"]?.stringValue ?? "") }
            func order() async -> [String] {
                let queue = await rig.call(.get, "/api/queue").json["priority_queue"]?.arrayValue ?? []
                return queue.compactMap { $0["gateway_job_id"]?.stringValue }
            }
            #expect(await order() == jobs)
            let first = await rig.call(.patch, "/api/task/\(jobs[2])", ["position": 1])
            #expect(first.status == .ok, "\(first.json)")
            #expect(first.json["position"] == 1 && first.json["priority"] == 1)
            #expect(await order() == [jobs[2], jobs[0], jobs[1]])
            let raised = await rig.call(.patch, "/api/task/\(jobs[1])", ["priority": "9"])
            #expect(raised.json["priority"] == 9 && raised.json["position"] == 1)
            #expect(await order() == [jobs[1], jobs[2], jobs[0]])
            let stored = try await rig.engine.store.openJobs()
            #expect(stored.map(\.priority).sorted() == [1, 1, 9])
            let last = await rig.call(.get, "/api/task/\(jobs[1])/explain").json["events"]?.arrayValue?.last
            #expect(last?["reason"] == "moved to priority 9")
        }
    }

    @Test("what does not wait here cannot be moved")
    func notWaiting() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            let id = await rig.submit().json["prompt_id"]?.stringValue ?? ""
            let answer = await rig.call(.patch, "/api/task/\(id)", ["priority": 1])
            #expect(answer.status == .conflict && answer.json["code"] == "gateway.job_not_waiting")
        }
    }

    @Test(
        "a body of the wrong form is 422 with the place",
        arguments: [
            (#"{"position":0}"#, "position"), (#"{"priority":"x"}"#, "priority"), (#"{"position":1.5}"#, "position"),
            ("{}", "priority"), (#"{"priority":null}"#, "priority"),
        ])
    func malformed(body: String, key: String) async throws {
        try await GatewayRig.run([]) { rig in
            let job = await rig.submit(["priority": 1]).json["gateway_job_id"]?.stringValue ?? ""
            let answer = await rig.call(.patch, "/api/task/\(job)", raw: body)
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json["detail"]?[0]?["loc"] == ["body", .string(key)])
        }
    }

    @Test("a key changes and lists its own jobs only, unless it has the scope for all; the operator may all")
    func ownership() async throws {
        let host = try TestHost<GatewayPlugin>(openSurfaces: false)
        try await host.start()
        func key(_ id: String, _ scopes: String...) -> Principal {
            Principal(kind: .apiKey, id: id, name: id, scopes: scopes)
        }
        let (mine, other, all) = (key("a", "jobs"), key("b", "jobs"), key("c", "jobs", "jobs:all"))
        let prompt: JSON = ["prompt": ["1": ["class_type": "A", "inputs": [:]]], "priority": 1]
        let answer = await host.send(.post, "/api/prompt", json: prompt, principal: mine)
        let id = try #require(answer.json?["gateway_job_id"]?.stringValue)
        let path = "/api/task/\(id)"
        for status in [
            await host.send(.patch, path, json: ["priority": 2], principal: other),
            await host.send(.delete, path, principal: other),
        ] { #expect(status.status == .forbidden && status.json?["code"] == "gateway.not_your_job") }
        func total(_ principal: Principal, _ query: String = "") async -> JSON? {
            await host.send(.get, "/api/tasks" + query, principal: principal).json?["total"]
        }
        #expect(await total(mine) == 1)
        #expect(await total(other) == 0)
        #expect(await total(other, "?caller=key:a") == 0)
        #expect(await total(all) == 1)
        #expect(await total(.testAdmin) == 1)
        #expect(await host.send(.get, "/api/tasks", principal: key("d", "workers")).status == .forbidden)
        #expect(
            await host.send(.post, "/api/workers", json: ["url": "http://x:1"], principal: all).status == .forbidden)
        #expect(await host.send(.get, "/api/workers", principal: mine).status == .ok)
        #expect(await host.send(.delete, path, principal: all).status == .ok)
        let story = await host.send(.get, path + "/explain", principal: mine).json?["events"]?.arrayValue
        #expect(story?.map { $0["actor"] } == ["key:a", "key:c"])
        await host.stop()
    }
}
