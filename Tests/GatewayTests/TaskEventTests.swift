import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Gateway

@Suite("Events of a task")
struct TaskEventTests {
    private let fast: JSONObject = ["queue_cache_ttl": 0.25, "worker_lost_after": "600s"]

    /// What a client of a stream has read, line by line.
    private struct Received {
        var events: [(id: Int, name: String, data: JSON)] = []
        var comments = 0

        init(_ bytes: [UInt8]) {
            for block in String(decoding: bytes, as: UTF8.self).split(separator: "\n\n") {
                var fields: [String: String] = [:]
                for line in block.split(separator: "\n") {
                    if line.hasPrefix(":") { comments += 1 }
                    guard let colon = line.firstIndex(of: ":") else { continue }
                    fields[String(line[..<colon])] = String(line[line.index(after: colon)...].drop { $0 == " " })
                }
                guard let name = fields["event"] else { continue }
                let data = (try? JSON(parsing: fields["data"] ?? "")) ?? .null
                events.append((Int(fields["id"] ?? "") ?? -1, name, data))
            }
        }

        var names: [String] { events.map(\.name) }
        var states: [String] { events.filter { $0.name == "state" }.map { $0.data["status"]?.stringValue ?? "" } }
    }

    /// The client's end of a stream.
    private final class Client: BodyWriter {
        private let bytes = Mutex<[UInt8]>([])
        private let isGone = Mutex(false)

        var received: Received { Received(bytes.withLock { $0 }) }
        func leave() { isGone.withLock { $0 = true } }
        func write(_ bytes: [UInt8]) async throws {
            if isGone.withLock({ $0 }) { throw CancellationError() }
            try Task.checkCancellation()
            self.bytes.withLock { $0 += bytes }
        }
    }

    private func stream(_ rig: GatewayRig, _ id: String, lastID: Int = 0) -> TaskEventStream {
        TaskEventStream(engine: rig.engine, promptID: id, base: "http://gw", lastID: lastID)
    }

    @Test("the state comes first, then ComfyUI's messages with our id, last the end; previews are left out")
    func wholeLife() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { $0.ignoresIDs = true }
        try await GatewayRig.run([worker], fast) { rig in
            try await rig.connected()
            let id = await rig.submit().json["prompt_id"]?.stringValue ?? ""
            let client = Client()
            async let end: Void = {
                var stream = stream(rig, id, lastID: 41)
                try await stream.run(client)
            }()
            try await eventually("first") { client.received.names == ["state"] }
            worker.start()
            worker.emit("executing", ["node": "3", "display_node": "3", "prompt_id": "own-0"])
            for socket in worker.with({ $0.sockets }) {
                socket.deliver(.binary([0, 0, 0, 1, 0, 0, 0, 1, 0xFF, 0xD8]))
            }
            worker.emit("state", ["prompt_id": "own-0", "status": "forged"])
            worker.emit("a\nid: 7", ["prompt_id": "own-0"])
            worker.emit("progress", ["node": "3", "value": 5, "max": 10, "prompt_id": "own-0"])
            worker.finish()
            try await end
            let received = client.received
            #expect(received.states == ["queued", "running", "done"])
            #expect(received.events.map(\.id) == Array(42..<42 + received.events.count))
            #expect(
                received.names == [
                    "state", "state", "execution_start", "executing", "aid: 7", "progress", "executing", "state",
                ], "\(received.names)")
            #expect(
                received.events.filter { $0.name != "state" }.allSatisfy { $0.data["prompt_id"]?.stringValue == id })
            #expect(received.events.last?.data["history"]?[id]?["outputs"] != nil)
            #expect(rig.engine.table.followerCount == 0)
        }
    }

    @Test("an ended job gives one state and the end; a gateway job id is one too")
    func ended() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await rig.connected()
            let job = await rig.submit(["priority": 1]).json["gateway_job_id"]?.stringValue ?? ""
            try await eventually("handed over") { worker.count == 1 }
            worker.start()
            worker.finish(error: "bad")
            try await rig.wait(job, for: "failed")
            let answer = await rig.call(.get, "/api/task/\(job)/events")
            #expect(answer.headers["Content-Type"] == "text/event-stream")
            #expect(Received(answer.bytes).states == ["failed"])
            #expect(Received(answer.bytes).events.count == 1)
        }
    }

    @Test("a client that goes away is forgotten, whether it is noticed by a write or by cancellation")
    func leaving() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await rig.connected()
            let id = await rig.submit().json["prompt_id"]?.stringValue ?? ""
            let (first, second) = (Client(), Client())
            let tasks = [first, second].map { client in
                Task {
                    var stream = stream(rig, id)
                    try await stream.run(client)
                }
            }
            try await eventually("followed") { rig.engine.table.followerCount == 2 }
            tasks[1].cancel()
            try await eventually("one left") { rig.engine.table.followerCount == 1 }
            first.leave()
            worker.start()
            try await eventually("none left") { rig.engine.table.followerCount == 0 }
            for task in tasks { _ = await task.result }
        }
    }

    @Test("a client that reads nothing costs a bounded number of events, and still gets the end")
    func slowClient() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await rig.connected()
            let id = await rig.submit().json["prompt_id"]?.stringValue ?? ""
            let events = try #require(
                rig.engine.table.follow(id, previews: false) { .state(rig.engine.describe($0)) })
            worker.start()
            for value in 0..<1000 {
                worker.emit(
                    "progress",
                    ["node": "3", "value": .number(JSONNumber(value)), "max": 1000, "prompt_id": .string(id)])
            }
            worker.finish()
            try await rig.wait(id, for: "done")
            var count = 0
            var last: PromptEvent?
            for await event in events {
                count += 1
                last = event
            }
            #expect(count == 256)
            guard case .state(let job) = last else {
                Issue.record("the end is missing")
                return
            }
            #expect(job.state == .done)
        }
    }

    @Test("previews take no room in the buffer of those who want none")
    func previews() async throws {
        let table = JobTable()
        let job = Job(
            promptID: "p", caller: "c", state: .running, nodeCount: 1, fingerprint: "f",
            createdAt: Timestamp(milliseconds: 1))
        #expect(table.insert(LiveJob(job)))
        let first: (LiveJob) -> PromptEvent = { _ in .message(type: "first", data: nil) }
        let (all, without) = try (
            #require(table.follow("p", first: first)), #require(table.follow("p", previews: false, first: first))
        )
        table.tell("p") { .preview(nodeID: "1", mimeType: "image/png", image: [1]) }
        table.remove("p", last: .message(type: "last", data: nil))
        func count(_ events: AsyncStream<PromptEvent>) async -> Int { await events.reduce(0) { count, _ in count + 1 } }
        #expect(await count(all) == 3)
        #expect(await count(without) == 2)
    }

    @Test("draining ends the streams, and later ones after their first event")
    func drain() async throws {
        try await GatewayRig.run([]) { rig in
            let job = await rig.submit(["priority": 1]).json["gateway_job_id"]?.stringValue ?? ""
            let client = Client()
            let id = try #require(rig.engine.table.promptID(ofGatewayJob: job))
            async let end: Void = {
                var stream = stream(rig, id)
                try await stream.run(client)
            }()
            try await eventually("followed") { rig.engine.table.followerCount == 1 }
            await rig.plugin.drain()
            try await end
            #expect(client.received.states == ["queued"])
            let late = await rig.call(.get, "/api/task/\(job)/events")
            #expect(Received(late.bytes).states == ["queued"])
            #expect(rig.engine.table.followerCount == 0)
        }
    }

    @Test("a comment comes every 15 seconds")
    func heartbeat() async throws {
        let host = try TestHost<GatewayPlugin>()
        try await host.start()
        let prompt: JSON = ["prompt": ["1": ["class_type": "A", "inputs": [:]]], "priority": 1]
        let job = await host.send(.post, "/api/prompt", json: prompt).json?["gateway_job_id"]?.stringValue ?? ""
        async let answer = host.send(.get, "/api/task/\(job)/events")
        try await eventually("followed") { host.plugin.engine.table.followerCount == 1 }
        // The pauses of the plugin's own schedules, and then that of the stream.
        for _ in 0..<45 {
            try await Task.sleep(for: .milliseconds(2))
            host.clock.advance(by: .seconds(1))
        }
        #expect(await host.send(.delete, "/api/task/\(job)").status == .ok)
        let received = Received(await answer.body)
        #expect((2...3).contains(received.comments))
        #expect(received.states == ["queued", "failed"])
        await host.stop()
    }
}
