import Host
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Gateway

@Suite("Jobs end exactly once, whatever the workers do")
struct EngineTests {
    @Test("a prompt goes to a worker, is followed, and its result is kept with links")
    func happyPath() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let submitted = await rig.submit(["client_id": "caller", "extra_data": ["extra_pnginfo": ["w": 1]]])
            let id = try GatewayRig.id(of: submitted)
            #expect(submitted.json["number"] == 0)
            let body = try #require(worker.with { $0.bodies.first })
            #expect(body["prompt"]?.text() == GatewayRig.workflow.text())
            #expect(body["extra_data"] == ["extra_pnginfo": ["w": 1]])
            #expect(body["client_id"]?.stringValue == rig.engine.clientID)
            #expect(await rig.status(id) == "queued")
            worker.start()
            try await rig.wait(id, for: "running")
            worker.emit("executing", ["node": "3", "display_node": "3", "prompt_id": .string(id)])
            worker.emit("progress", ["node": "3", "value": 5, "max": 10, "prompt_id": .string(id)])
            try await eventually("progress is shown") {
                await rig.call(.get, "/api/task/\(id)/status").json["progress"] == 25
            }
            #expect(await rig.call(.get, "/api/history/\(id)").json == [:])
            worker.finish()
            try await rig.wait(id, for: "done")
            let status = await rig.call(.get, "/api/task/\(id)/status").json
            #expect(status["progress"] == 100)
            #expect(status["worker_name"] == "http://a:1")
            let entry = await rig.call(.get, "/api/history/\(id)").json[id]
            #expect(
                entry?["outputs"]?["9"]?["images"]?[0]?["url"]?.stringValue
                    == "http://gw:8000/api/view?prompt_id=\(id)&filename=a%20b.png&subfolder=x%2Fy&type=output")
            #expect(entry?["prompt"]?[3] == ["extra_pnginfo": ["w": 1], "client_id": "caller"])
            #expect(rig.events.finished.withLock { $0.map(\.promptID) } == [id])
        }
    }

    @Test("an errored prompt is failed with the exception's text and its history")
    func erroredPrompt() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            worker.start()
            worker.finish(error: "out of memory")
            try await rig.wait(id, for: "failed")
            let status = await rig.call(.get, "/api/task/\(id)/status").json
            #expect(status["message"] == "out of memory")
            #expect(status["history"]?[id]?["status"]?["status_str"] == "error")
        }
    }

    @Test("a connection that is refused sends the prompt to the next worker at once")
    func connectFailure() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        first.with { $0.behaviour = .refuseConnections }
        try await GatewayRig.run([first, second], GatewayRig.fast) { rig in
            try await rig.connected()
            let ids = try [GatewayRig.id(of: await rig.submit()), GatewayRig.id(of: await rig.submit())]
            #expect(second.submitted == ids)
        }
    }

    @Test("a prompt whose answer was lost is found on its worker and not sent again", arguments: [true, false])
    func lostAnswer(timesOut: Bool) async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        first.with { $0.behaviour = timesOut ? .loseAnswer : .takeAndFail }
        try await GatewayRig.run([first, second], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            #expect(first.submitted == [id])
            #expect(second.submitted.isEmpty)
            first.start()
            first.finish()
            try await rig.wait(id, for: "done")
        }
    }

    @Test("a prompt that was lost on its way goes to another worker after a look")
    func lostRequest() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        first.with { $0.behaviour = .loseRequest }
        try await GatewayRig.run([first, second], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            #expect(second.submitted == [id])
        }
    }

    @Test("a worker that dies while it gets a prompt is asked about it when it is back", arguments: [true, false])
    func dyingWorker(took: Bool) async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.behaviour = .die(taking: took) }
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            #expect(worker.submitted == (took ? [id] : []))
            worker.with { state in
                state.behaviour = .take
                state.isDown = false
            }
            try await eventually("it is known where it is") {
                try await rig.engine.store.job(id)?.job.state == .submitted
            }
            #expect(worker.submitted == [id])
            worker.start()
            worker.finish()
            try await rig.wait(id, for: "done")
        }
    }

    @Test("missed events are made up for by the worker's queue and history")
    func missedEvents() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            worker.with { $0.running = [$0.pending.removeFirst()] }
            try await rig.wait(id, for: "running")
            worker.finish(silently: true)
            try await rig.wait(id, for: "done")
        }
    }

    @Test("a worker that restarted empty loses its prompts to others, and each ends once")
    func emptyRestart() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run([first, second], GatewayRig.fast) { rig in
            try await rig.connected()
            var ids: Set<String> = []
            for _ in 0..<4 { ids.insert(try GatewayRig.id(of: await rig.submit())) }
            #expect(first.count == 2)
            first.restartEmpty()
            try await eventually("resent") { first.count + second.count == 4 }
            for worker in [first, second] {
                while worker.start() != nil { worker.finish() }
            }
            for id in ids { try await rig.wait(id, for: "done") }
            #expect(rig.events.finished.withLock { $0.map(\.promptID).sorted() } == ids.sorted())
        }
    }

    @Test("a prompt that workers keep losing ends as failed")
    func boundedAttempts() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], ["queue_cache_ttl": 0.25, "max_attempts": 2]) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            worker.restartEmpty()
            try await eventually("sent again") { worker.submitted == [id, id] }
            try await rig.connected()
            worker.restartEmpty()
            try await rig.wait(id, for: "failed")
            #expect(worker.submitted == [id, id])
        }
    }

    @Test("a prompt that somebody removed from the worker's queue is not sent again")
    func removedOnWorker() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            worker.with { $0.pending = [] }
            try await rig.wait(id, for: "failed")
            #expect(worker.submitted == [id])
        }
    }

    @Test("the prompts of a worker that vanished go to others")
    func vanishedWorker() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run([first, second], GatewayRig.fast) { rig in
            try await rig.connected()
            let ids = try [GatewayRig.id(of: await rig.submit()), GatewayRig.id(of: await rig.submit())]
            first.with { $0.isDown = true }
            first.with { $0.sockets }.forEach { $0.end() }
            try await eventually("resent") { second.submitted.sorted() == ids.sorted() }
            first.with { $0.isDown = false }
            try await eventually("the old copy is removed") { first.count == 0 }
        }
    }

    @Test("after a crash, a dispatching job is looked up, then picked up or sent again", arguments: [true, false])
    func crashWhileDispatching(arrived: Bool) async throws {
        let worker = FakeComfy("http://a:1")
        if arrived {
            worker.with { $0.pending.append([0, "11111111-1111-4111-8111-111111111111", [:], [:], []]) }
        }
        let id = "11111111-1111-4111-8111-111111111111"
        let values: JSONObject = ["queue_cache_ttl": 0.25, "workers": []]
        let insert: @Sendable (SQLiteDatabase) async throws -> Void = { database in
            let workers = WorkerStore(database: database, secrets: PlainSecrets())
            try await workers.insert(
                [Worker(id: "w", url: "http://a:1", name: "a", weight: 1, enabled: true)],
                at: Timestamp(milliseconds: 1))
            var job = Job(
                promptID: id, caller: "", state: .dispatching, nodeCount: 2, fingerprint: "f",
                createdAt: Timestamp(milliseconds: 2))
            (job.workerID, job.attempts, job.revision) = ("w", 1, 1)
            let body = JSON.object(["prompt": GatewayRig.workflow]).serialized()
            try await JobStore(database: database).insert(job, submission: body, events: [])
        }
        try await GatewayRig.run([worker], values, prepare: insert) { rig in
            if !arrived { try await eventually("sent") { worker.submitted == [id] } }
            try await eventually("known as submitted") {
                try await rig.engine.store.job(id)?.job.state == .submitted
            }
            #expect(worker.count == 1)
            worker.start()
            worker.finish(silently: true)
            try await rig.wait(id, for: "done")
            #expect(worker.submitted.count == (arrived ? 0 : 1))
        }
    }

    @Test("a finished job is answered after a restart, without its worker")
    func restart() async throws {
        let database = try SQLiteDatabase.open(path: ":memory:")
        let worker = FakeComfy("http://a:1")
        let id = try await GatewayRig.run([worker], database: database, GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            worker.start()
            worker.finish()
            try await rig.wait(id, for: "done")
            return id
        }
        try await GatewayRig.run([FakeComfy("http://c:1")], database: database, GatewayRig.fast) { rig in
            #expect(await rig.status(id) == "done")
            #expect(await rig.call(.get, "/api/history/\(id)").json[id]?["outputs"] != nil)
        }
        await database.close()
    }

    @Test("a worker that chooses its own ids is followed by them")
    func foreignIDs() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.ignoresIDs = true }
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            #expect(id != "own-0")
            worker.start()
            try await rig.wait(id, for: "running")
            worker.finish()
            try await rig.wait(id, for: "done")
            #expect(await rig.call(.get, "/api/history/\(id)").json[id]?["outputs"] != nil)
        }
    }

    @Test("a burst spreads evenly over idle workers")
    func burst() async throws {
        let workers = (0..<4).map { FakeComfy("http://w\($0):1") }
        try await GatewayRig.run(workers) { rig in
            try await rig.connected()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<40 { group.addTask { #expect(await rig.submit().status == .ok) } }
            }
            try await eventually("all are full") { workers.map(\.count) == [2, 2, 2, 2] }
            #expect(rig.engine.waiting.count == 32)
            while rig.engine.table.counts.values.reduce(0, +) > 0 {
                for worker in workers {
                    worker.start()
                    worker.finish()
                }
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(workers.map(\.submitted.count).reduce(0, +) == 40)
            #expect(workers.allSatisfy { (6...14).contains($0.submitted.count) })
        }
    }
}

struct PlainSecrets: SecretSealing {
    func seal(_ secret: Secret) throws -> String { secret.withExposed { $0 } }
    func open(_ sealed: String) throws -> Secret { Secret(sealed) }
}
