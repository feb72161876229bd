import Gateway
import Host
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@Suite("What a key may see of the jobs of others")
struct PrivacyTests {
    private static func key(_ id: String, _ scopes: String...) -> Principal {
        Principal(kind: .apiKey, id: id, name: id, scopes: scopes)
    }

    private let mine = key("a", "jobs")
    private let other = key("b", "jobs")
    private let all = key("c", "jobs", "jobs:all")

    /// A worker that has what it was given in its queue, or, once it `hasEnded`, in its history.
    private final class Server: Sendable {
        let items = Mutex<[JSON]>([])
        let hasEnded = Mutex(false)

        var client: StubHTTPClient {
            StubHTTPClient { [self] request in
                let hasEnded = hasEnded.withLock { $0 }
                let items = items.withLock { $0 }
                if request.url.hasSuffix("/queue") {
                    return .json(["queue_running": [], "queue_pending": hasEnded ? [] : .array(items)])
                }
                if request.url.contains("/view?") { return ClientResponse(status: .ok, body: HTTPBody([7])) }
                if request.url.hasSuffix("/prompt"), let bytes = try await request.body?.collect(upTo: 1 << 20) {
                    let body = try JSON(parsing: bytes)
                    let id = body["prompt_id"] ?? nil
                    self.items.withLock { $0.append([1, id, body["prompt"] ?? nil, body["extra_data"] ?? [:], []]) }
                    return .json(["prompt_id": id, "number": 1, "node_errors": [:]])
                }
                let file: JSON = ["filename": "made.png", "subfolder": "", "type": "output"]
                let entry = items.first { request.url.hasSuffix("/history/\($0[1]?.stringValue ?? "")") }
                guard hasEnded, let entry, let id = entry[1]?.stringValue else { return .json([:]) }
                return .json(.object([id: ["prompt": entry, "outputs": ["9": ["images": [file]]]]]))
            }
        }
    }

    private func host(_ server: Server) async throws -> TestHost<GatewayPlugin> {
        let host = try TestHost<GatewayPlugin>(
            configuration: ["workers": [["url": "http://w:8188"]], "queue_cache_ttl": 0.25, "max_in_flight": 1],
            openSurfaces: false, client: server.client)
        try await host.start()
        return host
    }

    private func prompt(_ extra: JSONObject = [:]) -> JSON {
        var body: JSONObject = [
            "prompt": ["1": ["class_type": "Private", "inputs": [:]]], "extra_data": ["note": "private"],
        ]
        for (key, value) in extra { body[key] = value }
        return .object(body)
    }

    @Test("it is told nothing about one of them, open or ended, by either id; everything with jobs:all")
    func oneJob() async throws {
        let server = Server()
        let host = try await host(server)
        let first = await host.send(.post, "/api/prompt", json: prompt(["prompt_id": "x"]), principal: mine)
        #expect(first.status == .ok, "\(first.text)")
        let waiting = await host.send(.post, "/api/prompt", json: prompt(["priority": 1]), principal: mine)
        let job = try #require(waiting.json?["gateway_job_id"]?.stringValue)
        let paths = [
            "/api/task/x", "/api/task/x/status", "/api/task/x/explain", "/api/history/x", "/api/task/\(job)",
            "/api/task/\(job)/status", "/api/task/gateway/\(job)", "/api/view?prompt_id=x&filename=made.png",
        ]
        func check(_ isThere: (String) -> Bool) async {
            for path in paths {
                let refused = await host.send(.get, path, principal: other)
                #expect(refused.status == .forbidden && refused.json?["code"] == "gateway.not_your_job", "\(path)")
                #expect(!refused.text.contains("rivate"))
                for principal in [mine, all, .testAdmin] where isThere(path) {
                    #expect(await host.send(.get, path, principal: principal).status == .ok, "\(path)")
                }
            }
        }
        await check { !$0.contains("view") }
        server.hasEnded.withLock { $0 = true }
        try await eventually("ended") {
            host.clock.advance(by: .milliseconds(250))
            return await host.send(.get, "/api/task/x/status", principal: mine).json?["status"] == "done"
        }
        await check { _ in true }
        #expect(await host.send(.get, "/api/task/x/events", principal: other).status == .forbidden)
        await host.stop()
    }

    @Test("the queue lists its own jobs, with their true places, and counts all")
    func queue() async throws {
        let server = Server()
        let host = try await host(server)
        for (id, principal) in [("x", mine), ("y", mine), ("z", other)] {
            let answer = await host.send(
                .post, "/api/prompt", json: prompt(["prompt_id": .string(id)]), principal: principal)
            #expect(answer.status == .ok)
        }
        let seen = await host.send(.get, "/api/queue", principal: other)
        #expect(!seen.text.contains("\"x\"") && !seen.text.contains("\"y\"") && !seen.text.contains("rivate"))
        #expect(seen.json?["total_pending"] == 1)
        #expect(seen.json?["waiting"] == 2)
        #expect(seen.json?["gateway_queue"] == [])
        #expect(seen.json?["priority_queue"]?.arrayValue?.map { $0["prompt_id"] } == ["z"])
        #expect(seen.json?["priority_queue"]?[0]?["position"] == 2)
        #expect(seen.json?["queue_pending"]?.arrayValue?.map { $0[1] } == ["z"])
        let own = await host.send(.get, "/api/queue", principal: mine).json
        #expect(own?["gateway_queue"]?.arrayValue?.map { $0["prompt_id"] } == ["x"])
        #expect(own?["queue_pending"]?[0]?[2]?["1"]?["class_type"] == "Private")
        let whole = await host.send(.get, "/api/queue", principal: all).json
        #expect(whole?["queue_pending"]?.arrayValue?.map { $0[1] } == ["x", "y", "z"])
        await host.stop()
    }

    @Test("a prompt_id that another key used is not answered with that key's job")
    func reusedID() async throws {
        let host = try await host(Server())
        let body = prompt(["prompt_id": "x"])
        #expect(await host.send(.post, "/api/prompt", json: body, principal: mine).status == .ok)
        #expect(await host.send(.post, "/api/prompt", json: body, principal: mine).status == .ok)
        for principal in [other, all, .testAdmin] {
            let answer = await host.send(.post, "/api/prompt", json: body, principal: principal)
            #expect(answer.status == .conflict && answer.json?["code"] == "gateway.prompt_id_taken")
        }
        await host.stop()
    }

    @Test("it gets the files that results of its own jobs name, and no others of the same worker")
    func files() async throws {
        let server = Server()
        let host = try await host(server)
        _ = await host.send(.post, "/api/prompt", json: prompt(["prompt_id": "x"]), principal: mine)
        server.hasEnded.withLock { $0 = true }
        try await eventually("ended") {
            host.clock.advance(by: .milliseconds(250))
            return await host.send(.get, "/api/task/x/status", principal: mine).json?["status"] == "done"
        }
        for (query, status) in [
            ("filename=made.png", Status.ok), ("filename=made.png&type=output&preview=webp", .ok),
            ("filename=made_2.png", .notFound), ("filename=made.png&type=input", .notFound),
            ("filename=made.png&subfolder=b", .notFound),
        ] {
            let answer = await host.send(.get, "/api/view?prompt_id=x&" + query, principal: mine)
            #expect(answer.status == status, "\(query)")
        }
        #expect(await host.send(.get, "/api/view?prompt_id=x&filename=z.png", principal: all).status == .ok)
        await host.stop()
    }
}
