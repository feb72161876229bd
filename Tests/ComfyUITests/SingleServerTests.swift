import ComfyUI
import Glibc
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@Suite("A prompt's way through the backend of a single server")
struct SingleServerTests {
    @Test("a server that answers and does not take an input file does not count as away")
    func unplaced() async throws {
        let directory = try TestDirectory()
        try close(#require(Optional(open(directory.folder("input") + "/x.png", O_CREAT | O_WRONLY, 0o644))))
        try await SingleRig.run(directory: directory) { rig in
            try await rig.connected()
            rig.server.with { $0.uploadAnswer = { ClientResponse(status: .internalServerError) } }
            let graph: JSON = ["1": ["class_type": "LoadImage", "inputs": ["image": "x.png"]]]
            await #expect(throws: ComfyServerError.self) {
                try await rig.during { try await rig.backend.submit(PromptSubmission(prompt: graph)) }
            }
            let servers = try await rig.backend.servers()
            #expect(servers.map(\.healthy) == [true])
            #expect(rig.server.count == 0)
        }
    }

    @Test("events come in order, and the result is there when the end is told")
    func order() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let client = Collected(try await rig.backend.follow(client: "tab"))
            let answer = try await rig.during { try await rig.backend.submit(SingleRig.submission(client: "tab")) }
            #expect(answer.number == 0)
            #expect(answer.nodeErrors == [:])
            let id = answer.promptID
            #expect(try await rig.backend.job(id)?.nodeErrors == nil)
            let one = Collected(id, try await rig.backend.follow(id))
            rig.server.start()
            rig.server.emit("executing", ["node": "3", "display_node": "3", "prompt_id": .string(id)])
            rig.server.emit("progress", ["node": "3", "value": 1, "max": 2, "prompt_id": .string(id)])
            try await rig.drive("it runs") { one.words(of: id).last == "progress" }
            let job = try #require(await rig.backend.job(id))
            #expect(job.state == .running)
            #expect(job.progress == 25)
            #expect(job.currentNode == "3")
            #expect(job.server?.id == "default")
            rig.server.finish()
            try await rig.drive("it ends") { one.isOver && client.words(of: id).last == "done" }
            let words = ["submitted", "running", "execution_start", "executing", "progress", "executing", "done"]
            #expect(one.words(of: id) == words)
            #expect(client.words(of: id) == words)
            let entry = try #require(await rig.backend.history(id))
            #expect(entry["outputs"]?["9"]?["images"]?[0]?["filename"] == "a b.png")
            #expect(entry["prompt"]?[3] == ["client_id": "tab"])
            try await rig.drive("nothing remains") { await rig.backend.remaining() == 0 }
        }
    }

    @Test("the caller's values reach the server as they were written, under our client id")
    func wire() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let graph = #"""
                {"9":{"inputs":{"seed":18446744073709551615,"cfg":8.0,"denoise":0.1,"scale":1e3},"class_type":"K",\#
                "_meta":{"title":"Käse ☃"}},"3":{"class_type":"S","inputs":{"images":["9",0]}}}
                """#
            let pnginfo = #"{"workflow":{"v":0.40,"s":1e3}}"#
            var submission = PromptSubmission(
                prompt: try JSON(parsing: graph), clientID: "tab", promptID: "p-1",
                extra: [
                    "extra_data": ["extra_pnginfo": try JSON(parsing: pnginfo), "comfyd": "forged"], "front": true,
                ])
            submission.caller = "key:7"
            submission.priority = 3
            let sent = submission
            _ = try await rig.during { try await rig.backend.submit(sent) }
            let request = try #require(
                rig.host.client.requests.last { $0.url.hasSuffix("/prompt") && $0.method == .post })
            let text = String(decoding: try await request.body?.collect(upTo: 1 << 20) ?? [], as: UTF8.self)
            #expect(text.contains(#""prompt":"# + graph))
            #expect(text.contains(#""extra_pnginfo":"# + pnginfo))
            let body = try JSON(parsing: text)
            #expect(body["prompt_id"] == "p-1")
            #expect(body["front"] == true)
            #expect(body["priority"] == nil)
            let identity = try #require(body["client_id"]?.stringValue)
            #expect(identity.hasPrefix("comfyd-"))
            #expect(body["extra_data"]?["comfyd"]?["caller"] == "key:7")
            #expect(rig.host.client.requests.contains { $0.url.hasSuffix("/ws?clientId=\(identity)") })
        }
    }

    @Test("nothing of ours is shown, and no key to a paid service")
    func shown() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let named = try await rig.submit(client: "tab", id: "p-1", caller: "key:7")
            _ = try await rig.submit(id: "p-2", caller: "address:1")
            let queue = try await rig.backend.queue()
            #expect(queue.pending.map(\.promptID) == ["p-1", "p-2"])
            #expect(queue.pending.map(\.caller) == ["key:7", "address:1"])
            #expect(queue.pending.map { $0.item[3] } == [["client_id": "tab"], [:]])
            #expect(queue.pending.allSatisfy { $0.createdAt != nil && $0.server?.id == "default" })
            rig.server.start()
            rig.server.finish()
            try await rig.wait(named, for: .done)
            let list = try await rig.backend.histories(HistoryRange())
            #expect(list[named]?["prompt"]?[3] == ["client_id": "tab"])
            #expect(list[named]?["prompt"]?[2] == SingleRig.workflow)
            #expect(try await rig.backend.histories(HistoryRange(caller: "key:7")).keys == [named])
            #expect(try await rig.backend.histories(HistoryRange(caller: "key:8")).isEmpty)
            #expect(try await rig.backend.histories(HistoryRange(maxItems: 0)).isEmpty)
        }
    }

    @Test("a refusal has the server's words and leaves nothing behind")
    func refusal() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let client = Collected(try await rig.backend.follow(client: "tab"))
            rig.server.with {
                $0.behaviour = .answer(
                    .badRequest, ["error": ["type": "prompt_no_outputs", "message": "m"], "node_errors": ["3": 1]])
            }
            let refusal = await #expect(throws: PromptRefusal.self) { try await rig.submit(client: "tab", id: "p") }
            #expect(refusal?.error["type"] == "prompt_no_outputs")
            #expect(refusal?.nodeErrors == ["3": 1])
            #expect(try await rig.backend.job("p") == nil)
            #expect(try await rig.backend.prompts(ofClient: "tab", limit: 10).isEmpty)
            #expect(client.words().isEmpty)
            // The id is free again.
            rig.server.with { $0.behaviour = .take }
            #expect(try await rig.submit(id: "p") == "p")
        }
    }

    @Test("what the server would not survive is not sent", arguments: PoisonCase.all)
    func poison(_ poison: PoisonCase) async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            await #expect(throws: PromptRefusal.self) { try await rig.backend.submit(poison.submission) }
            #expect(rig.server.submitted.isEmpty)
        }
    }

    @Test("an unusable id is the caller's mistake", arguments: [".", "..", "", "a\u{7}b"])
    func unusable(id: String) async throws {
        try await SingleRig.run { rig in
            let error = await #expect(throws: HTTPError.self) {
                try await rig.backend.submit(SingleRig.submission(id: id))
            }
            #expect(error?.status == .unprocessableContent)
            let job = try await rig.backend.job(id)
            #expect(job == nil)
        }
    }

    @Test("outputs that the server dropped are told")
    func partly() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let errors: JSON = ["5": ["errors": [], "class_type": "SaveImage"]]
            rig.server.with {
                $0.behaviour = .answer(.ok, ["prompt_id": "p", "number": 7.0, "node_errors": errors])
            }
            let answer = try await rig.during { try await rig.backend.submit(SingleRig.submission(id: "p")) }
            #expect(answer.number == 7.0)
            #expect(answer.nodeErrors == errors)
            #expect(try await rig.backend.job("p")?.nodeErrors == errors)
        }
    }

    @Test("a failure has the words of the exception")
    func failure() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let id = try await rig.submit()
            rig.server.start()
            rig.server.finish(error: "CUDA out of memory")
            try await rig.wait(id, for: .failed)
            #expect(try await rig.backend.job(id)?.message == "CUDA out of memory")
            #expect(try await rig.backend.history(id)?["status"]?["status_str"] == "error")
        }
    }

    @Test("two prompts of a client: events of both, newest first in the list, places in the queue")
    func two() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let client = Collected(try await rig.backend.follow(client: "tab"))
            let first = try await rig.submit(client: "tab")
            let second = try await rig.submit(client: "tab")
            _ = try await rig.submit(client: "other")
            #expect(try await rig.backend.prompts(ofClient: "tab", limit: 10).map(\.promptID) == [second, first])
            #expect(try await rig.backend.prompts(ofClient: "tab", limit: 1).map(\.promptID) == [second])
            #expect(try await rig.backend.job(second)?.position == 2)
            #expect(await rig.backend.remaining() == 3)
            rig.server.start()
            rig.server.finish()
            try await rig.wait(first, for: .done)
            #expect(try await rig.backend.job(second)?.position == 1)
            rig.server.start()
            rig.server.finish(error: "no")
            // The board knows of an end before those who follow have taken it in.
            try await rig.drive("both ends are told") { client.words().count >= 10 }
            #expect(client.words(of: first) == ["submitted", "running", "execution_start", "executing", "done"])
            #expect(client.words(of: second) == ["submitted", "running", "execution_start", "executing", "failed"])
            #expect(client.words().count == 10)
            let jobs = try await rig.backend.prompts(ofClient: "tab", limit: 10)
            #expect(jobs.map(\.state) == [.failed, .done])
            #expect(jobs.allSatisfy { $0.createdAt != nil && $0.startedAt != nil && $0.finishedAt != nil })
        }
    }

    @Test("a reading of the queue from before a submission does not take it out of the count")
    func lateReading() async throws {
        let server = FakeComfy("http://comfy:8188")
        let network = SlowQueueNetwork(FakeNetwork([server]))
        try await SingleRig.run(server, network: network) { rig in
            try await rig.connected()
            _ = try await rig.submit()
            #expect(await rig.backend.remaining() == 1)
            let release = network.hold()
            let reading = Task { try await rig.backend.queue() }
            try await rig.drive("it is being read") { network.isHolding }
            _ = try await rig.submit()
            release.finish()
            #expect(try await reading.value.pending.count == 1)
            #expect(await rig.backend.remaining() == 2)
        }
    }

    @Test("an id twice: the same prompt has the same answer, another one is refused")
    func twice() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            for _ in 0..<2 { #expect(try await rig.submit(id: "p", caller: "key:1") == "p") }
            #expect(rig.server.submitted == ["p"])
            let other = SingleRig.submission(id: "p", caller: "key:1", extra: ["number": 1])
            let stranger = SingleRig.submission(id: "p", caller: "key:2")
            for submission in [other, stranger] {
                let error = await #expect(throws: HTTPError.self) { try await rig.backend.submit(submission) }
                #expect(error?.status == .conflict)
            }
            rig.server.start()
            rig.server.finish()
            try await rig.wait("p", for: .done)
            #expect(try await rig.submit(id: "p", caller: "key:1") == "p")
            #expect(rig.server.submitted == ["p"])
        }
    }

    @Test("an old server's own id is not seen by callers")
    func ownID() async throws {
        try await SingleRig.run { rig in
            rig.server.with { $0.ignoresIDs = true }
            try await rig.connected()
            let id = try await rig.submit(client: "tab", id: "p")
            #expect(id == "p")
            let one = Collected(id, try await rig.backend.follow(id))
            #expect(try await rig.backend.queue().pending.map(\.promptID) == ["p"])
            #expect(try await rig.backend.queue().pending.first?.item[1] == "p")
            rig.server.start()
            rig.server.finish()
            try await rig.drive("it ends") { one.isOver }
            #expect(one.words(of: id).last == "done")
            #expect(try await rig.backend.history(id)?["prompt"]?[1] == "p")
        }
    }

    @Test("a consumer that does not read loses messages, but no end")
    func slow() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let stream = try await rig.backend.follow(client: "tab")
            let ids = [try await rig.submit(client: "tab"), try await rig.submit(client: "tab")]
            for id in ids {
                rig.server.start()
                for step in 0..<2000 {
                    rig.server.emit(
                        "progress",
                        ["node": "3", "value": .number(JSONNumber(step)), "max": 2000, "prompt_id": .string(id)])
                }
                rig.server.finish()
                try await rig.wait(id, for: .done)
            }
            await rig.backend.drain()
            let client = Collected(stream)
            try await rig.drive("the stream ends") { client.isOver }
            #expect(client.words().count <= 260)
            for id in ids { #expect(client.words(of: id).count { $0 == "done" } == 1) }
        }
    }

    @Test("a second stream begins with what is open, and ends with the backend")
    func begins() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let id = try await rig.submit(client: "tab")
            rig.server.start()
            try await rig.wait(id, for: .running)
            let client = Collected(try await rig.backend.follow(client: "tab"))
            try await rig.drive("it begins") { client.words() == ["\(id) running"] }
            await rig.backend.drain()
            try await rig.drive("it ends") { client.isOver }
            let late = Collected(id, try await rig.backend.follow(id))
            try await rig.drive("it ends") { late.isOver }
            #expect(late.words(of: id) == ["running"])
        }
    }
}

/// A body that a server takes and then breaks over.
struct PoisonCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let submission: PromptSubmission

    static let all = [
        PoisonCase("extra_data null", extra: ["extra_data": nil]),
        PoisonCase("extra_data number", extra: ["extra_data": 1]),
        PoisonCase("client_id of extra_data an object", extra: ["extra_data": ["client_id": [:]]]),
        PoisonCase("number not a number", extra: ["number": "abc"]),
        PoisonCase("node without inputs", prompt: ["3": ["class_type": "KSampler"]]),
        PoisonCase("node without class", prompt: ["3": ["inputs": [:]]]),
        PoisonCase("no object", prompt: []),
    ]

    private init(_ name: String, prompt: JSON = SingleRig.workflow, extra: JSONObject = [:]) {
        testDescription = name
        submission = PromptSubmission(prompt: prompt, extra: extra)
    }
}

/// A network on which an answer about the queue may take long.
private final class SlowQueueNetwork: HTTPClient {
    private let network: FakeNetwork
    private let gate = Mutex<AsyncStream<Never>?>(nil)
    private let holding = Atomic(false)

    init(_ network: FakeNetwork) {
        self.network = network
    }

    var isHolding: Bool { holding.load(ordering: .acquiring) }

    /// Holds the next answer, and no other.
    func hold() -> AsyncStream<Never>.Continuation {
        let (stream, continuation) = AsyncStream<Never>.makeStream()
        gate.withLock { $0 = stream }
        return continuation
    }

    func send(_ request: ClientRequest) async throws -> ClientResponse {
        let answer = try await network.send(request)
        guard request.method == .get, request.url.hasSuffix("/queue"),
            let gate = gate.withLock({ gate -> AsyncStream<Never>? in
                defer { gate = nil }
                return gate
            })
        else { return answer }
        holding.store(true, ordering: .releasing)
        for await _ in gate {}
        return answer
    }

    func webSocket(_ request: ClientRequest) async throws -> any WebSocket {
        try await network.webSocket(request)
    }
}
