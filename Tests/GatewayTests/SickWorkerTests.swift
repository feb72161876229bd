import ComfyUI
import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("Workers that are sick")
struct SickWorkerTests {
    @Test("waiting jobs do not wait for one that is being handed to a worker that hangs")
    func hanging() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run([first, second], GatewayRig.fast) { rig in
            try await rig.connected()
            let slow = try GatewayRig.id(of: await rig.submit())
            try await eventually("noted") { try await rig.engine.store.job(slow)?.job.state == .submitted }
            let (owner, other) = first.submitted.isEmpty ? (second, first) : (first, second)
            let quick = try GatewayRig.id(of: await rig.submit())
            #expect(other.submitted == [quick])
            try await eventually("noted") { try await rig.engine.store.job(quick)?.job.state == .submitted }
            // The first job is lost, and handed to the other worker, which never answers.
            other.with { $0.behaviour = .hang }
            owner.restartEmpty()
            try await eventually("being sent") { rig.engine.table[slow]?.isSending == true }
            other.restartEmpty()
            try await eventually("sent again") { owner.submitted == [slow, quick] }
        }
    }

    @Test("a job whose worker never tells its result ends, so that others get its place")
    func unreadable() async throws {
        let worker = FakeComfy("http://a:1")
        let clock = ManualClock()
        let values: JSONObject = ["queue_cache_ttl": 0.25, "worker_lost_after": "30s", "max_in_flight": 1]
        try await GatewayRig.run([worker], values, clock: clock) { rig in
            try await GatewayRig.drive(clock, "connected") { worker.with { !$0.sockets.isEmpty } }
            let first = try await rig.submitted(clock)
            let second = try await rig.submitted(clock)
            #expect(worker.submitted == [first])
            worker.with { $0.badHistory = [first] }
            worker.start()
            worker.finish()
            let time = try await GatewayRig.drive(clock, "given up") { await rig.status(first) == "failed" }
            #expect((Duration.seconds(29) ... .seconds(40)).contains(time), "\(time)")
            let told = await rig.call(.get, "/api/task/\(first)/status").json["message"]?.stringValue
            #expect(told == "its worker cannot tell its result: status 500")
            try await GatewayRig.drive(clock, "the next one is sent") { worker.submitted == [first, second] }
        }
    }

    @Test("a result that cannot be read for a while is kept all the same")
    func readableAgain() async throws {
        let worker = FakeComfy("http://a:1")
        let clock = ManualClock()
        try await GatewayRig.run([worker], ["queue_cache_ttl": 0.25, "worker_lost_after": "30s"], clock: clock) { rig in
            try await GatewayRig.drive(clock, "connected") { worker.with { !$0.sockets.isEmpty } }
            let id = try await rig.submitted(clock)
            worker.with { $0.badHistory = [id] }
            worker.start()
            worker.finish()
            try await GatewayRig.pass(.seconds(20), clock)
            #expect(await rig.status(id) == "running")
            worker.with { $0.badHistory = [] }
            try await GatewayRig.drive(clock, "done") { await rig.status(id) == "done" }
        }
    }

    @Test("a worker that was unreachable and forgot its prompts gets them again, although its stream did not break")
    func silentRestart() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], ["queue_cache_ttl": 0.25, "worker_lost_after": "60s"]) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            try await eventually("noted") { try await rig.engine.store.job(id)?.job.state == .submitted }
            // The machine loses its power: nothing tells the other end of the stream.
            worker.with { $0.isDown = true }
            try await eventually("noticed") { rig.engine.pool.members.first?.health.isHealthy == false }
            worker.with { state in
                state.pending = []
                state.isDown = false
            }
            try await eventually("sent again") { worker.submitted == [id, id] }
        }
    }

    @Test("a worker that loses prompts on their way is not chosen again at once")
    func losing() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        for worker in [first, second] { worker.with { $0.behaviour = .loseRequest } }
        try await GatewayRig.run([first, second], ["queue_cache_ttl": "1h", "health_interval": "1h"]) { rig in
            try await rig.connected()
            #expect(await rig.submit().status == .serviceUnavailable)
            #expect(rig.engine.pool.members.allSatisfy { !$0.health.isHealthy })
        }
    }

    @Test("what a worker says goes to the log, not to callers")
    func words() {
        let pool = WorkerPool(WorkerRules(maximumInFlight: 2))
        pool.put(Worker(id: "a", url: "http://a:1", name: "a", weight: 1, enabled: true))
        let error = ComfyServerError(status: .forbidden, body: Array("internal-secret".utf8))
        pool.fail("a", error, now: Instant(nanoseconds: 0))
        #expect(pool["a"]?.health.reason == "status 403")
    }

    @Test("an answer with values of the wrong type reaches the caller in ComfyUI's form")
    func oddAnswer() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.behaviour = .answer(.ok, ["prompt_id": 7, "number": "x", "node_errors": nil]) }
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            let answer = await rig.submit()
            #expect(answer.status == .ok)
            #expect(answer.json["number"] == 0)
            #expect(answer.json["node_errors"] == [:])
        }
    }

    @Test("the history of a worker that chooses its own ids names the prompt by ours")
    func ownIDs() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.ignoresIDs = true }
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            worker.start()
            worker.finish()
            try await rig.wait(id, for: "done")
            #expect(await rig.call(.get, "/api/history/\(id)").json[id]?["prompt"]?[1]?.stringValue == id)
        }
    }

    @Test("a prompt that is cancelled while a slow worker takes it does not stay there")
    func cancelledWhileSent() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.behaviour = .takeLate(.milliseconds(300)) }
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            async let submitted = rig.submit(["prompt_id": "x"])
            try await eventually("being sent") {
                worker.with { $0.requests.contains { $0.url.hasSuffix("/prompt") } }
            }
            #expect(try await rig.engine.cancel("x"))
            _ = await submitted
            #expect(worker.count == 0)
            #expect(await rig.status("x") == "failed")
        }
    }

    @Test("a file that a proxy before the worker compressed says so")
    func compressed() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { state in
            state.view = { _ in
                ClientResponse(
                    status: .ok, headers: ["Content-Type": "text/plain", "Content-Encoding": "gzip"],
                    body: HTTPBody([1, 2, 3]))
            }
        }
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            let id = try GatewayRig.id(of: await rig.submit())
            let answer = await rig.call(.get, "/api/view?filename=a.txt&prompt_id=\(id)")
            #expect(answer.headers["Content-Encoding"] == "gzip")
        }
    }

    @Test("a result that comes after the prompt went to another worker is not taken for that one's")
    func lateResult() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run([first, second], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            let (owner, other) = first.submitted.isEmpty ? (second, first) : (first, second)
            owner.start()
            owner.with { $0.historyDelay = .seconds(2.5) }
            owner.finish()
            try await Task.sleep(for: .milliseconds(100))
            owner.with { $0.isDown = true }
            // On a busy machine the result may come in time.
            try await eventually("sent again") {
                let status = await rig.status(id)
                return status == "done" || other.submitted == [id]
            }
            try await Task.sleep(for: .seconds(2))
            let status = await rig.call(.get, "/api/task/\(id)/status").json
            #expect(status["status"] != "done" || status["worker_name"]?.stringValue == owner.url, "\(status)")
            guard status["status"] != "done" else { return }
            other.start()
            other.finish()
            try await rig.wait(id, for: "done")
        }
    }

    @Test("messages that are malformed, or about other workers' prompts, change nothing")
    func messages() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run([first, second], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            let (owner, other) = first.submitted.isEmpty ? (second, first) : (first, second)
            other.emit("execution_start", ["prompt_id": .string(id)])
            other.emit("executing", ["node": nil, "prompt_id": .string(id)])
            for text in [
                "", "{", "[]", "{\"type\":5}", "{\"type\":\"executing\"}", "{\"type\":\"progress\",\"data\":[]}",
            ] {
                for socket in owner.with({ $0.sockets }) { socket.deliver(.text(text)) }
            }
            for bytes: [UInt8] in [
                [], [0, 0, 0, 4], [0, 0, 0, 4, 255, 255, 255, 255], [0, 0, 0, 1, 0, 0, 0, 9], [9, 9, 9, 9],
            ] {
                for socket in owner.with({ $0.sockets }) { socket.deliver(.binary(bytes)) }
            }
            let huge: JSON = ["node": "3", "value": 1e300, "max": -1e300, "prompt_id": .string(id)]
            owner.emit("progress", huge)
            owner.emit("executing", ["node": nil, "prompt_id": "unknown"])
            try await Task.sleep(for: .milliseconds(100))
            #expect(await rig.call(.get, "/api/task/\(id)/status").json["progress"] == 0)
            #expect(other.count == 0)
            owner.start()
            owner.finish()
            try await rig.wait(id, for: "done")
        }
    }

    @Test("a look for missed results is short, because the health probes wait for it")
    func shortLooks() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], GatewayRig.fast) { rig in
            try await rig.connected()
            let id = try GatewayRig.id(of: await rig.submit())
            worker.start()
            worker.finish(silently: true)
            try await rig.wait(id, for: "done")
            let looks = worker.with { $0.requests.filter { $0.url.contains("/history/") } }
            #expect(!looks.isEmpty)
            #expect(looks.allSatisfy { $0.timeout <= WorkerRegistry.probeTimeout })
        }
    }
}
