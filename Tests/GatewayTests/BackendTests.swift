import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("The workers as one backend for other plugins")
struct BackendTests {
    private let fast: JSONObject = ["queue_cache_ttl": 0.25, "max_in_flight": 1]

    /// A prompt that somebody else sent to a worker.
    private func foreign(_ id: String, number: JSON = 7) -> JSON {
        [number, .string(id), ["1": [:]], ["client_id": "theirs", "auth_token_comfy_org": "secret"], []]
    }

    @Test("a client's prompts, newest first, with all that is known of them")
    func prompts() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            let backend = GatewayBackend(engine: rig.engine)
            try await rig.connected()
            for id in ["a", "b", "c"] {
                #expect(await rig.submit(["prompt_id": .string(id), "client_id": "me", "priority": 2]).status == .ok)
                if id == "a" { try await eventually("taken") { worker.count == 1 } }
            }
            #expect(await rig.submit(["client_id": "you", "priority": 2]).status == .ok)
            worker.start()
            worker.finish()
            try await rig.wait("a", for: "done")
            try await eventually("next") { try await backend.job("b")?.state == .submitted }
            let found = try await backend.prompts(ofClient: "me", limit: 10)
            #expect(found.map(\.promptID) == ["c", "b", "a"])
            #expect(found.map(\.state) == [.queued, .submitted, .done])
            #expect(try await backend.prompts(ofClient: "me", limit: 2).map(\.promptID) == ["c", "b"])
            #expect(try await backend.prompts(ofClient: "ME", limit: 2).isEmpty)
            let (first, last) = (try #require(found.last), try #require(found.first))
            #expect(
                first.clientID == "me" && first.caller == "client:me" && first.number == 0 && first.nodeErrors == nil)
            #expect(first.createdAt != nil && first.startedAt != nil && first.finishedAt != nil && !first.isEnding)
            #expect(last.position != nil && last.startedAt == nil && last.finishedAt == nil)
        }
    }

    @Test("a job whose worker said that it has ended is ending until its result is here")
    func ending() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], fast) { rig in
            try await rig.connected()
            #expect(await rig.submit(["prompt_id": "a"]).status == .ok)
            worker.start()
            worker.with { $0.historyDelay = .seconds(1) }
            worker.finish()
            let backend = GatewayBackend(engine: rig.engine)
            try await eventually("ending") { try await backend.job("a")?.isEnding == true }
            #expect(try await backend.job("a")?.state == .running)
            try await rig.wait("a", for: "done")
            #expect(try await backend.job("a")?.isEnding == false)
        }
    }

    @Test("the queue of all: those of others too, with our ids, without keys; what waits here comes last")
    func queue() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        first.with { $0.ignoresIDs = true }
        try await GatewayRig.run([first, second], fast) { rig in
            let backend = GatewayBackend(engine: rig.engine)
            try await rig.connected()
            #expect(await rig.submit(["prompt_id": "a", "client_id": "me"]).status == .ok)
            let id = try #require(rig.engine.pool.members.last?.worker.id)
            _ = await rig.call(.patch, "/api/workers/\(id)", ["enabled": false])
            second.with { $0.running = [foreign("g", number: 0)] }
            #expect(await rig.submit(["prompt_id": "b", "client_id": "me", "priority": 1]).status == .ok)
            first.with { $0.pending.append(foreign("f", number: -3)) }
            try await eventually("seen") { await backend.remaining() == 3 }
            var queue = try await backend.queue()
            #expect(queue.running.isEmpty && queue.unreachable.isEmpty)
            #expect(queue.pending.map(\.promptID) == ["f", "a", "b"])
            #expect(queue.pending.map(\.caller) == [nil, "client:me", "client:me"])
            #expect(queue.pending.map { $0.server?.url } == ["http://a:1", "http://a:1", nil])
            #expect(queue.pending[1].item[1] == "a" && queue.pending[1].item[3] == ["client_id": "me"])
            #expect(queue.pending[0].item[3] == ["client_id": "theirs"] && queue.pending[0].number == -3)
            #expect(queue.pending[2].item[2] == [:] && queue.pending[2].createdAt != nil)
            first.with { $0.isDown = true }
            try await eventually("down") { rig.engine.pool.members.first?.health.isHealthy == false }
            queue = try await backend.queue()
            #expect(queue.unreachable.map(\.url) == ["http://a:1"] && queue.pending.map(\.promptID) == ["b"])
        }
    }

    @Test("a prompt of somebody else is found in queues and histories, cancelled, and belongs to nobody")
    func foreignPrompts() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run([first, second], fast) { rig in
            let backend = GatewayBackend(engine: rig.engine)
            try await rig.connected()
            try await eventually("healthy") { rig.engine.pool.members.allSatisfy { $0.health == .healthy } }
            second.with { $0.pending = [foreign("f"), foreign("g"), foreign("h")] }
            var job = try #require(try await backend.job("g"))
            #expect(
                job.state == .submitted && job.position == 2 && job.caller == nil && job.server?.url == "http://b:1")
            #expect(try await backend.owner(of: "g")?.url == "http://b:1")
            #expect(try await backend.history("g") == nil)
            #expect(try await backend.cancel("g", by: "me"))
            #expect(second.with { $0.pending.map { $0[1] } } == ["f", "h"])
            second.start()
            #expect(try await backend.job("f")?.state == .running)
            second.finish(error: "no memory")
            job = try #require(try await backend.job("f"))
            #expect(job.state == .failed && job.message == "no memory")
            let entry = try #require(try await backend.history("f"))
            #expect(entry["prompt"]?[3] == ["client_id": "theirs"])
            #expect(try await backend.cancel("f", by: "me") == false)
            second.start()
            #expect(try await backend.cancel("h", by: "me"))
            #expect(second.with { $0.interrupted } == ["h"])
            #expect(try await backend.job("nobody") == nil)
            #expect(try await backend.job("..") == nil)
            #expect(try await backend.cancel("nobody", by: "me") == false)
        }
    }

    @Test("a silent worker delays nobody who asks for an unknown prompt beyond the limit of a reading")
    func silentWorker() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run([first, second], fast) { rig in
            try await eventually("healthy") { rig.engine.pool.members.allSatisfy { $0.health == .healthy } }
            first.with { worker in
                worker.silence = { try await Task.sleep(for: .seconds(60)) }
                worker.isSilent = true
            }
            second.with { $0.pending = [foreign("f")] }
            let backend = GatewayBackend(engine: rig.engine)
            let began = ContinuousClock.now
            #expect(try await backend.job("f")?.state == .submitted)
            #expect(began.duration(to: .now) < .seconds(30))
            #expect(try await backend.job("nobody") == nil)
            #expect(began.duration(to: .now) < .seconds(30))
        }
    }

    @Test("a worker is reached by paths, with its credentials, also when it is switched off; nothing else is")
    func client() async throws {
        let worker = FakeComfy("http://a:1")
        let pair = BasicCredentials(username: "u", password: Secret("p"))
        worker.with { $0.demands = pair }
        let listed: JSON = ["url": "http://a:1", "auth_username": "u", "auth_password": "p"]
        try await GatewayRig.run([worker], ["workers": [listed]]) { rig in
            let backend = GatewayBackend(engine: rig.engine)
            let id = try #require(try await backend.servers().first?.id)
            _ = await rig.call(.patch, "/api/workers/\(id)", ["enabled": false])
            let client = try backend.client(of: id)
            #expect(try await client.send(ClientRequest(.get, "/queue")).status == .ok)
            #expect(worker.with { $0.requests.last?.credentials } == pair)
            for url in ["@b:1/queue", "http://b:1/queue", ""] {
                await #expect(throws: HTTPClientError.self) { try await client.send(ClientRequest(.get, url)) }
            }
            let error = #expect(throws: HTTPError.self) { try backend.client(of: "nobody") }
            #expect(error?.status == .notFound && error?.code == "gateway.unknown_worker")
        }
    }
}
