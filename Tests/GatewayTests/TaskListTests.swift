import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("Lists of tasks")
struct TaskListTests {
    /// Ended jobs `j1`, `j2`, … a minute apart, newest last; every third failed, every fifth another caller's.
    static func fill(_ database: any Database, _ count: Int, from first: Int = 1) async throws {
        let store = JobStore(database: database)
        for number in first..<first + count {
            let time = Timestamp(milliseconds: 1_700_000_000_000 + Int64(number) * 60_000)
            var job = Job(
                promptID: "j\(number)", caller: number % 5 == 0 ? "key:b" : "key:a", state: .queued, nodeCount: 1,
                fingerprint: "f", createdAt: time)
            job.sequence = Int64(number)
            job.priority = number % 2
            job.workerID = "w\(number % 2)"
            let events = [JobEvent(job, at: time, .gateway("test"))]
            try await store.insert(job, submission: [], events: events)
            job.state = number % 3 == 0 ? .failed : .done
            let end = JobEvent(job, at: time, .gateway("test"))
            _ = try await store.finish([
                JobEnding(job: job, history: Array("{}".utf8), event: end, copies: [], pending: nil)
            ])
        }
    }

    private func ids(_ answer: GatewayRig.Answer) -> [String] {
        (answer.json["tasks"]?.arrayValue ?? []).compactMap { $0["prompt_id"]?.stringValue }
    }

    @Test(
        "filters, order and parts",
        arguments: [
            ("", "j12 j11 j10 j9 j8 j7 j6 j5 j4 j3 j2 j1", 12), ("limit=2", "j12 j11", 12),
            ("limit=2&offset=2", "j10 j9", 12), ("limit=5&offset=10", "j2 j1", 12), ("offset=40", "", 12),
            ("state=failed", "j12 j9 j6 j3", 4), ("state=failed&limit=1&offset=1", "j9", 4),
            ("state=failed,done&limit=1", "j12", 12), ("state=failed&state=queued&limit=1", "j12", 4),
            ("status=failed&limit=1", "j12", 4), ("status=done,running&limit=1", "j11", 8),
            ("state=unknown", "", 0), ("status=queued", "", 0), ("state=done&status=failed", "", 0),
            ("caller=key:b", "j10 j5", 2), ("caller=nobody", "", 0), ("priority=1&limit=1", "j11", 6),
            ("worker_id=w0&limit=1", "j12", 6), ("since=2023-11-14T22:24:20Z", "j12 j11", 2),
            ("since=1700000660000&until=1700000720000", "j11", 1), ("until=2023-11-14T23:15:20%2B01:00", "j1", 1),
            ("state=failed&caller=key:a&priority=0&worker_id=w0", "j12 j6", 2),
        ])
    func filters(query: String, expected: String, total: Int) async throws {
        try await GatewayRig.run([], prepare: { try await Self.fill($0, 12) }) { rig in
            let answer = await rig.call(.get, "/api/tasks?" + query)
            #expect(answer.status == .ok, "\(answer.json)")
            #expect(ids(answer) == expected.split(separator: " ").map(String.init))
            #expect(answer.json["total"]?.intValue == total)
        }
    }

    @Test(
        "a parameter of the wrong form is 422 with its name",
        arguments: [
            ("limit=0", "limit", "greater_than_equal"), ("limit=1001", "limit", "less_than_equal"),
            ("limit=x", "limit", "int_parsing"), ("offset=-1", "offset", "greater_than_equal"),
            ("state=sleeping", "state", "enum"), ("status=lost", "status", "enum"),
            ("priority=high", "priority", "int_parsing"), ("since=yesterday", "since", "datetime_parsing"),
            ("until=2023-02-29", "until", "datetime_parsing"),
        ])
    func malformed(query: String, name: String, type: String) async throws {
        try await GatewayRig.run([]) { rig in
            let answer = await rig.call(.get, "/api/tasks?" + query)
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json["detail"]?[0]?["loc"] == ["query", .string(name)])
            #expect(answer.json["detail"]?[0]?["type"]?.stringValue == type)
        }
    }

    @Test("all that is wrong is told at once")
    func severalProblems() async throws {
        try await GatewayRig.run([]) { rig in
            let answer = await rig.call(.get, "/api/tasks?limit=x&offset=x&state=x")
            #expect(answer.json["detail"]?.arrayValue?.count == 3)
        }
    }

    @Test("with more jobs of a state than are sorted, the newest still come first")
    func manyOfOneState() async throws {
        try await GatewayRig.run([]) { rig in
            _ = try await rig.database.write { connection in
                try connection.execute(
                    """
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
                    INSERT INTO gateway_jobs (prompt_id, state, attempts, revision, node_count, fingerprint, created_at,
                        updated_at, finished_at, caller, sequence)
                    SELECT 'j' || i, 'done', 1, 1, 1, 'f', i, i, i, 'key:a', i FROM n
                    """)
            }
            #expect(ids(await rig.call(.get, "/api/tasks?state=done&limit=2")) == ["j2500", "j2499"])
            #expect(await rig.call(.get, "/api/tasks?state=done&limit=2").json["total"] == 2500)
        }
    }

    @Test("open jobs are shown as they are now, not as they were written")
    func liveStates() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], ["queue_cache_ttl": 0.25, "worker_lost_after": "600s"]) { rig in
            try await rig.connected()
            let id = await rig.submit().json["prompt_id"]?.stringValue ?? ""
            worker.start()
            try await rig.wait(id, for: "running")
            // No waiting: the journal has not written it yet.
            #expect(ids(await rig.call(.get, "/api/tasks?state=running")) == [id])
            #expect(ids(await rig.call(.get, "/api/tasks?state=submitted,dispatching")) == [])
            worker.emit("executing", ["node": "3", "display_node": "3", "prompt_id": .string(id)])
            worker.emit("progress", ["node": "3", "value": 5, "max": 10, "prompt_id": .string(id)])
            try await eventually("progress is shown") {
                await rig.call(.get, "/api/tasks").json["tasks"]?[0]?["progress"] == 25
            }
            worker.with { $0.isDown = true }
            try await rig.wait(id, for: "unknown")
            #expect(ids(await rig.call(.get, "/api/tasks?state=unknown")) == [id])
            #expect(ids(await rig.call(.get, "/api/tasks?status=running")) == [])
            #expect(ids(await rig.call(.get, "/api/tasks?state=running")) == [id])
        }
    }

    @Test("waiting jobs have their positions")
    func positions() async throws {
        try await GatewayRig.run([]) { rig in
            for priority in 1...3 { _ = await rig.submit(["priority": .number(JSONNumber(priority))]) }
            let tasks = await rig.call(.get, "/api/tasks?state=queued").json["tasks"]?.arrayValue ?? []
            #expect(tasks.map { $0["priority"] } == [3, 2, 1] && tasks.map { $0["position"] } == [1, 2, 3])
        }
    }
}

@Suite("Old jobs are deleted")
struct RetentionTests {
    /// Two minutes after the newest job of ``TaskListTests/fill(_:_:from:)``.
    private func host(_ count: Int, _ retention: JSON) async throws -> TestHost<GatewayPlugin> {
        let now = Timestamp(milliseconds: 1_700_000_000_000 + Int64(count + 2) * 60_000)
        let host = try TestHost<GatewayPlugin>(
            configuration: ["retention": retention], clock: ManualClock(wallClock: now))
        try await host.start()
        try await TaskListTests.fill(host.database, count)
        return host
    }

    private func count(_ table: String, _ host: TestHost<GatewayPlugin>) async throws -> Int {
        try await host.database.read { connection in
            try connection.first("SELECT COUNT(*) AS n FROM \(unsafe: table)") { try $0.get("n", as: Int.self) } ?? 0
        }
    }

    @Test("jobs that ended too long ago go, with result and story; others and open ones stay")
    func age() async throws {
        let host = try await host(600, ["age": "100s"])
        let store = JobStore(database: host.database)
        var open = Job(
            promptID: "open", caller: "key:a", state: .queued, nodeCount: 1, fingerprint: "f",
            createdAt: Timestamp(milliseconds: 1))
        open.sequence = 0
        try await store.insert(open, submission: [1], events: [])
        #expect(await host.send(.get, "/api/task/j1/status").status == .ok)
        #expect(await host.send(.get, "/api/task/j599/status").status == .ok)
        host.clock.advance(by: .seconds(61))
        try await eventually("all are gone") { try await count("gateway_jobs", host) == 1 }
        try await eventually("counted") { host.metric("comfyd_gateway_jobs_deleted_total") == 600 }
        #expect(await host.send(.get, "/api/task/j1/status").status == .notFound)
        #expect(await host.send(.get, "/api/history/j599").status == .notFound)
        #expect(await host.send(.get, "/api/task/open").json?["state"] == "queued")
        #expect(try await count("gateway_results", host) == 0)
        #expect(try await count("gateway_events", host) == 0)
        #expect(try await count("gateway_submissions", host) == 1)
        await host.stop()
    }

    @Test("of too many ended jobs those that ended first go")
    func number() async throws {
        let host = try await host(300, ["jobs": 20])
        try await host.plugin.engine.deleteOldJobs()
        #expect(try await count("gateway_jobs", host) == 20)
        #expect(await host.send(.get, "/api/task/j280").status == .notFound)
        #expect(await host.send(.get, "/api/task/j281").status == .ok)
        #expect(try await count("gateway_results", host) == 20)
        await host.stop()
    }

    @Test("jobs within both limits stay")
    func nothing() async throws {
        let host = try await host(5, [:])
        try await host.plugin.engine.deleteOldJobs()
        #expect(try await count("gateway_jobs", host) == 5)
        await host.stop()
    }
}
