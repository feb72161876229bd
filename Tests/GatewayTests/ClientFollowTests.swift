import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Gateway

@Suite("What happens to all prompts of a client")
struct ClientFollowTests {
    private let fast: JSONObject = ["queue_cache_ttl": 0.25, "max_in_flight": 1]

    /// Notes the events of a stream until it ends.
    private final class Notes: Sendable {
        private let lines = Mutex<[String]>([])
        let isOver = Flag()

        init(_ events: AsyncStream<ClientPromptEvent>) {
            Task { [self] in
                for await event in events {
                    let words =
                        switch event.event {
                        case .state(let job): job.state.rawValue
                        case .message(let type, _): type
                        case .preview: "preview"
                        @unknown default: "unknown"
                        }
                    lines.withLock { $0.append("\(event.promptID) \(words)") }
                }
                isOver.set()
            }
        }

        var all: [String] { lines.withLock { $0 } }
        func of(_ id: String) -> [String] {
            all.filter { $0.hasPrefix(id + " ") }.map { String($0.dropFirst(id.count + 1)) }
        }
    }

    @Test(
        "begins with what is open, tells of new prompts once they are accepted, and of no other client's; no previews")
    func follow() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            let backend = GatewayBackend(engine: rig.engine)
            try await rig.connected()
            #expect(await rig.submit(["prompt_id": "a", "client_id": "me"]).status == .ok)
            #expect(await rig.submit(["prompt_id": "b", "client_id": "me", "priority": 1]).status == .ok)
            #expect(await rig.submit(["prompt_id": "x", "client_id": "you", "priority": 1]).status == .ok)
            let notes = Notes(try await backend.follow(client: "me"))
            try await eventually("begun") { notes.all.count == 2 }
            #expect(notes.all == ["a submitted", "b queued"])
            worker.start()
            worker.emit("executing", ["node": "3", "prompt_id": "a"])
            let preview: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 17] + Array(#"{"prompt_id":"a"}"#.utf8) + [1]
            for socket in worker.with({ $0.sockets }) { socket.deliver(.binary(preview)) }
            worker.emit("progress", ["node": "3", "value": 1, "max": 2, "prompt_id": "a"])
            worker.finish()
            try await eventually("ended") { notes.of("a").last == "done" }
            #expect(
                notes.of("a") == [
                    "submitted", "running", "execution_start", "executing", "progress", "executing", "done",
                ])
            #expect(await rig.submit(["prompt_id": "c", "client_id": "me", "priority": 1]).status == .ok)
            try await eventually("handed over") { notes.of("b").last == "submitted" && notes.of("c") == ["queued"] }
            #expect(notes.of("x").isEmpty)
            await rig.plugin.drain()
            try await eventually("over") { notes.isOver.isSet }
            #expect(rig.engine.table.followerCount == 0)
        }
    }

    @Test("a prompt that a worker refuses is never heard of; one that it took is, with its first state")
    func accepted() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            let notes = Notes(try await GatewayBackend(engine: rig.engine).follow(client: "me"))
            let words: JSON = ["error": ["type": "invalid_prompt", "message": "no"], "node_errors": [:]]
            worker.with { $0.behaviour = .answer(.badRequest, words) }
            #expect(await rig.submit(["prompt_id": "a", "client_id": "me"]).status == .badRequest)
            rig.faults.isBroken = true
            #expect(await rig.submit(["prompt_id": "d", "client_id": "me", "priority": 1]).status.code >= 500)
            rig.faults.isBroken = false
            worker.with { $0.behaviour = .take }
            #expect(await rig.submit(["prompt_id": "b", "client_id": "me"]).status == .ok)
            try await eventually("heard of") { !notes.all.isEmpty }
            #expect(notes.all == ["b submitted"])
        }
    }

    @Test("who stops following costs nothing any more")
    func dropped() async throws {
        try await GatewayRig.run([FakeComfy("http://a:1")], fast) { rig in
            let backend = GatewayBackend(engine: rig.engine)
            var stream: AsyncStream<ClientPromptEvent>? = try await backend.follow(client: "me")
            let task = Task { [stream] in
                if let stream { for await _ in stream {} }
            }
            #expect(rig.engine.table.followerCount == 1)
            stream = nil
            task.cancel()
            await task.value
            try await eventually("forgotten") { rig.engine.table.followerCount == 0 }
        }
    }

    @Test("jobs of a client are found in order, whichever of them went first")
    func listOfClient() {
        let table = JobTable()
        for (index, client) in ["me", "you", "me", "me", "you"].enumerated() {
            var job = Job(
                promptID: "j\(index)", clientID: client, caller: "", state: .queued, nodeCount: 1, fingerprint: "",
                createdAt: Timestamp(milliseconds: 0))
            job.sequence = Int64(index)
            _ = table.insert(LiveJob(job))
        }
        func ids(_ client: String) -> [String] {
            table.state.withLock { $0.jobs(ofClient: client) }.map(\.job.promptID)
        }
        #expect(ids("me") == ["j0", "j2", "j3"])
        table.remove("j2")
        #expect(ids("me") == ["j0", "j3"])
        table.remove("j3")
        table.remove("j1")
        #expect(ids("me") == ["j0"] && ids("you") == ["j4"])
        table.remove("j0")
        #expect(ids("me").isEmpty && table.state.withLock { $0.newestOfClient.keys.sorted() } == ["you"])
    }

    private static func job(_ id: String, _ state: JobState) -> PromptEvent {
        .state(PromptJob(promptID: id, state: state))
    }

    @Test("a slow consumer loses messages, and no end")
    func slow() async {
        let feed = ClientFeed()
        for id in 0..<100 {
            feed.put("p\(id)", Self.job("p\(id)", .running))
            for _ in 0..<100 { feed.put("p\(id)", .message(type: "progress", data: [:])) }
            feed.put("p\(id)", Self.job("p\(id)", .done))
        }
        feed.begin(with: [PromptJob(promptID: "p0", state: .submitted)])
        feed.end()
        var (messages, ended, count) = (0, Set<String>(), 0)
        while let event = await feed.next() {
            count += 1
            switch event.event {
            case .message:
                messages += 1
                #expect(!ended.contains(event.promptID))
            case .state(let job) where job.state.isFinal: ended.insert(event.promptID)
            default: continue
            }
        }
        #expect(ended.count == 100)
        #expect(messages > 900 && count == ClientFeed.losableLimit + 100 + 1)
    }

    @Test("one that takes nothing at all is sent away, after what it missed")
    func stuck() async {
        let feed = ClientFeed()
        for id in 0..<ClientFeed.longestQueue + 10 { feed.put("p\(id)", Self.job("p\(id)", .done)) }
        var count = 0
        while await feed.next() != nil { count += 1 }
        #expect(count == ClientFeed.longestQueue)
    }
}
