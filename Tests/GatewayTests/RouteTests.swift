import Host
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Gateway

@Suite("The gateway's routes")
struct RouteTests {
    @Test("workers are registered, listed, changed and deleted")
    func workers() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], ["workers": []]) { rig in
            let created = await rig.call(
                .post, "/api/workers",
                ["url": "HTTP://A:1/", "weight": "2", "auth_username": "u", "auth_password": "secret"])
            #expect(created.status == .ok)
            let id = try #require(created.json["worker_id"]?.stringValue)
            #expect(created.json["url"] == "http://a:1")
            #expect(created.json["name"] == "http://a:1")
            #expect(created.json["healthy"] == true)
            #expect(created.json["auth_has_password"] == true)
            #expect(!created.json.text().contains("secret"))
            let request = try #require(worker.with { $0.requests.first })
            #expect(request.credentials == BasicCredentials(username: "u", password: Secret("secret")))
            let sealed = try await rig.database.read { connection in
                try connection.first("SELECT auth_password_sealed AS p FROM gateway_workers") {
                    try $0.get("p", as: String.self)
                }
            }
            #expect(sealed == "sealed:terces")

            let again = await rig.call(.post, "/api/workers", ["url": "http://a:1"])
            #expect(again.status == .conflict)
            #expect(again.json["worker_id"]?.stringValue == id)

            let changed = await rig.call(
                .patch, "/api/workers/\(id)", ["name": "n", "weight": nil, "enabled": false, "auth_password": ""])
            #expect(changed.json["name"] == "n")
            #expect(changed.json["weight"] == 2)
            #expect(changed.json["enabled"] == false)
            #expect(changed.json["auth_has_password"] == false)
            #expect(await rig.call(.patch, "/api/workers/nope", [:]).status == .notFound)

            let list = await rig.call(.get, "/api/workers").json["workers"]
            #expect(list?.arrayValue?.count == 1)
            #expect(list?[0]?["queue_pending"] == 0)
            #expect(await rig.call(.delete, "/api/workers/\(id)").json == ["ok": true])
            #expect(await rig.call(.delete, "/api/workers/\(id)").status == .notFound)
            #expect(await rig.call(.get, "/api/workers").json == ["workers": []])
        }
    }

    @Test("a worker that does not answer is registered as unhealthy, with a reason")
    func unreachable() async throws {
        try await GatewayRig.run([]) { rig in
            let created = await rig.call(.post, "/api/workers", ["url": "http://nowhere:1"])
            #expect(created.status == .ok)
            #expect(created.json["healthy"] == false)
            #expect(created.json["detail"]?.stringValue?.isEmpty == false)
            let refused = await rig.submit()
            #expect(refused.status == .serviceUnavailable)
            #expect(refused.headers["Retry-After"] != nil)
            let open = try await rig.engine.store.openJobs()
            #expect(open.isEmpty)
        }
    }

    @Test(
        "bodies of the wrong form are answered 422 with a list",
        arguments: [
            ("/api/workers", "{}", "url"), ("/api/workers", #"{"url":"ftp://x"}"#, "url"),
            ("/api/workers", #"{"url":"http://u:p@h"}"#, "url"), ("/api/workers", #"{"url":5}"#, "url"),
            ("/api/workers", #"{"url":"http://h","weight":1.5}"#, "weight"), ("/api/prompt", "{}", "prompt"),
            ("/api/prompt", #"{"prompt":[]}"#, "prompt"),
            ("/api/prompt", #"{"prompt":{},"priority":"x"}"#, "priority"),
            ("/api/prompt", #"{"prompt":{},"prompt_id":7}"#, "prompt_id"),
        ])
    func malformed(path: String, body: String, key: String) async throws {
        try await GatewayRig.run([FakeComfy("http://a:1")]) { rig in
            let answer = await rig.call(.post, path, raw: body)
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json["detail"]?[0]?["loc"]?[1]?.stringValue == key)
            #expect(answer.json["status_code"] == 422)
        }
    }

    @Test("a body that is no JSON is 422 too, in the list form", arguments: ["", "{", "[]", "\"x\""])
    func noJSON(body: String) async throws {
        try await GatewayRig.run([]) { rig in
            let answer = await rig.call(.post, "/api/prompt", raw: body)
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json["detail"]?[0]?["loc"]?[0] == "body")
            #expect(answer.json["error"]?["message"] != nil)
            #expect(answer.json["node_errors"] == [:])
        }
    }

    @Test("a worker's refusal keeps its status and words, and leaves no job")
    func refusal() async throws {
        let worker = FakeComfy("http://a:1")
        let error: JSON = [
            "type": "prompt_no_outputs", "message": "Prompt has no outputs", "details": "", "extra_info": [:],
        ]
        worker.with { $0.behaviour = .answer(.badRequest, ["error": error, "node_errors": ["3": ["errors": []]]]) }
        try await GatewayRig.run([worker]) { rig in
            let answer = await rig.submit(["prompt_id": "mine"])
            #expect(answer.status == .badRequest)
            #expect(answer.json["detail"] == error)
            #expect(answer.json["error"] == error)
            #expect(answer.json["node_errors"] == ["3": ["errors": []]])
            #expect(await rig.call(.get, "/api/task/mine/status").status == .notFound)
            worker.with { $0.behaviour = .take }
            #expect(await rig.submit(["prompt_id": "mine"]).status == .ok)
        }
    }

    @Test("a graph that would kill a worker is refused here")
    func poison() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker]) { rig in
            let answer = await rig.call(.post, "/api/prompt", ["prompt": ["1": ["class_type": "A"]]])
            #expect(answer.status == .badRequest)
            #expect(answer.json["error"]?["type"] == "invalid_prompt")
            #expect(await rig.submit(["extra_data": nil]).status == .badRequest)
            #expect(worker.submitted.isEmpty)
        }
    }

    @Test("a repeated prompt_id is answered with the first job, or refused when the body differs")
    func repeated() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker]) { rig in
            let first = await rig.submit(["prompt_id": "mine"])
            #expect(await rig.submit(["prompt_id": "mine"]).json == first.json)
            #expect(await rig.submit(["prompt_id": "mine", "front": true]).status == .conflict)
            worker.start()
            worker.finish()
            try await rig.wait("mine", for: "done")
            #expect(await rig.submit(["prompt_id": "mine"]).json == first.json)
            #expect(worker.submitted == ["mine"])
        }
    }

    @Test("white space does not make another job of a repeated prompt_id")
    func repeatedWithSpaces() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker]) { rig in
            let text = #"{"prompt_id":"mine","prompt":{"1":{"class_type":"SaveImage","inputs":{"seed":8.0}}}}"#
            let first = await rig.call(.post, "/api/prompt", raw: text)
            #expect(first.status == .ok)
            let spaced = await rig.call(.post, "/api/prompt", raw: text.replacing(":", with: " : "))
            #expect(spaced.json == first.json)
            let other = await rig.call(.post, "/api/prompt", raw: text.replacing("8.0", with: "8"))
            #expect(other.status == .conflict)
        }
    }

    @Test("a prompt with a priority is queued, and its id is given when a worker gets it")
    func priority() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker]) { rig in
            try await rig.connected()
            let answer = await rig.submit(["priority": 5])
            #expect(answer.status == .ok && answer.json["status"] == "queued")
            let id = try #require(answer.json["gateway_job_id"]?.stringValue)
            #expect(answer.json.objectValue?.count == 2)
            try await eventually("handed over") { worker.submitted.count == 1 }
            #expect(rig.engine.table.promptID(ofGatewayJob: id) == worker.submitted.first)
            #expect(await rig.submit(["priority": nil]).status == .ok)
            #expect(await rig.submit(["priority": 1.5]).status == .unprocessableContent)
        }
    }

    @Test("the queue shows prompt ids, positions and the merged form without keys to paid services")
    func queue() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        try await GatewayRig.run(
            [first, second], ["workers": [["url": "http://a:1", "name": "a"], ["url": "http://b:1"]]]
        ) {
            rig in
            try await rig.connected()
            try await eventually("probed") { rig.engine.pool.members.allSatisfy { $0.health == .healthy } }
            var ids: [String] = []
            for _ in 0..<4 { ids.append(await rig.submit(["client_id": "c"]).json["prompt_id"]?.stringValue ?? "") }
            first.start()
            second.with { $0.isDown = true }
            let queue = await rig.call(.get, "/api/queue").json
            #expect(queue["total_running"] == 1)
            let entries = (queue["gateway_queue"]?.arrayValue ?? []).filter { $0["worker_name"] == "a" }
            #expect(entries.map { $0["status"]?.stringValue } == ["running", "pending"])
            #expect(entries.map { $0["position"]?.intValue } == [1, 1])
            #expect(queue["queue_running"]?[0]?[1] == entries[0]["prompt_id"])
            #expect(queue["queue_running"]?[0]?[3] == ["client_id": "c"])
            #expect(queue["workers"]?[1]?["healthy"] == false)
            #expect(!queue.text().contains("api_key"))
        }
    }

    @Test("small and large files pass on unchanged, and one that breaks off is no answer")
    func viewSizes() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker]) { rig in
            let id = await rig.submit().json["prompt_id"]?.stringValue ?? ""
            let target = "/api/view?prompt_id=\(id)&filename=a.svg"
            for (size, isKnown) in [(0, true), (7, true), (7, false), (64 << 10, true), (200_000, true)] {
                let content = (0..<size).map { UInt8($0 & 0xFF) }
                worker.with { state in
                    state.view = { _ in
                        let body = isKnown ? HTTPBody(content) : HTTPBody(length: nil, source: Pieces([content]).next)
                        return ClientResponse(status: .ok, headers: ["Content-Type": "image/SVG+xml"], body: body)
                    }
                }
                let answer = await rig.call(.get, target)
                #expect(answer.status == .ok && answer.bytes == content)
                #expect(answer.headers["Content-Security-Policy"]?.hasPrefix("sandbox") == true)
                #expect(answer.headers["X-Content-Type-Options"] == "nosniff")
            }
            worker.with { state in
                state.view = { _ in
                    ClientResponse(status: .ok, body: HTTPBody(length: 9, source: Pieces([[1, 2]]).next))
                }
            }
            #expect(await rig.call(.get, target).status == .badGateway)
        }
    }

    @Test("a worker's bare refusal of a file is put into words, its other answers stay")
    func viewRefusals() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker]) { rig in
            let id = await rig.submit().json["prompt_id"]?.stringValue ?? ""
            for (code, word) in [(400, "bad_view"), (403, "bad_view"), (404, "unknown_file")] {
                worker.with { $0.view = { _ in ClientResponse(status: Status(code), body: HTTPBody()) } }
                let answer = await rig.call(.get, "/api/view?prompt_id=\(id)&filename=a")
                #expect(answer.status == Status(code))
                #expect(answer.json["code"] == .string("gateway.\(word)"))
            }
            worker.with { $0.view = { _ in ClientResponse(status: 416, body: HTTPBody()) } }
            let answer = await rig.call(.get, "/api/view?prompt_id=\(id)&filename=a")
            #expect(answer.status == 416 && answer.bytes.isEmpty)
        }
    }

    @Test("a file is streamed with range and describing headers")
    func view() async throws {
        let worker = FakeComfy("http://a:1")
        worker.with { state in
            state.view = { request in
                ClientResponse(
                    status: .partialContent,
                    headers: [
                        "Content-Type": "image/png", "Content-Range": "bytes 0-2/9", "ETag": "\"e\"", "Server": "x",
                        "X-Range": request.headers["Range"] ?? "", "Content-Disposition": request.url,
                    ], body: HTTPBody([1, 2, 3]))
            }
        }
        try await GatewayRig.run([worker]) { rig in
            let id = await rig.submit().json["prompt_id"]?.stringValue ?? ""
            let target = "/api/view?prompt_id=\(id)&filename=a%20b.png&subfolder=x&preview=webp&rand=1"
            let answer = await rig.call(.get, target, headers: ["Range": "bytes=0-2"])
            #expect(answer.status == .partialContent)
            #expect(answer.bytes == [1, 2, 3])
            #expect(answer.headers["Content-Range"] == "bytes 0-2/9")
            #expect(answer.headers["ETag"] == "\"e\"")
            #expect(answer.headers["Server"] == nil)
            #expect(
                answer.headers["Content-Disposition"]
                    == "http://a:1/view?filename=a%20b.png&type=output&subfolder=x&preview=webp")
            #expect(worker.with { $0.requests.last?.headers["Range"] } == "bytes=0-2")
            #expect(await rig.call(.get, "/api/view?prompt_id=\(id)").status == .badRequest)
            #expect(await rig.call(.get, "/api/view?prompt_id=\(id)&filename=..%2Fa").status == .badRequest)
            #expect(await rig.call(.get, "/api/view?prompt_id=\(id)&filename=%2Fa").status == .badRequest)
            #expect(await rig.call(.get, "/api/view?prompt_id=no&filename=a").status == .notFound)
            worker.with { $0.isDown = true }
            #expect(await rig.call(.get, target).status == .badGateway)
            let worker = await rig.call(.get, "/api/workers").json["workers"]?[0]?["worker_id"]?.stringValue ?? ""
            _ = await rig.call(.delete, "/api/workers/\(worker)")
            #expect(await rig.call(.get, target).status == .serviceUnavailable)
        }
    }

    @Test("results outlive their worker, and a worker that comes back has its old id")
    func deletedWorker() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], ["queue_cache_ttl": 0.25]) { rig in
            try await rig.connected()
            let ids = [
                await rig.submit().json["prompt_id"]?.stringValue ?? "",
                await rig.submit().json["prompt_id"]?.stringValue ?? "",
            ]
            worker.start()
            worker.finish()
            try await rig.wait(ids[0], for: "done")
            let workerID = await rig.call(.get, "/api/workers").json["workers"]?[0]?["worker_id"]?.stringValue ?? ""
            #expect(await rig.call(.delete, "/api/workers/\(workerID)").status == .ok)
            #expect(await rig.submit().status == .serviceUnavailable)
            #expect(await rig.call(.get, "/api/history/\(ids[0])").json[ids[0]] != nil)
            worker.start()
            worker.finish()
            try await rig.wait(ids[1], for: "done")
            let again = await rig.call(.post, "/api/workers", ["url": "http://a:1/"])
            #expect(again.json["worker_id"]?.stringValue == workerID)
            #expect(await rig.submit().status == .ok)
        }
    }

    @Test("the configured credentials are used unless a worker has its own pair")
    func credentials() async throws {
        let (first, second) = (FakeComfy("http://a:1"), FakeComfy("http://b:1"))
        let workers: JSON = [
            ["url": "http://a:1"], ["url": "http://b:1", "auth_username": "own", "auth_password": "p"],
        ]
        let values: JSONObject = [
            "workers": workers, "worker_auth_username": "all", "worker_auth_password": "q",
        ]
        try await GatewayRig.run([first, second], values) { rig in
            try await rig.connected()
            _ = await rig.call(.get, "/api/queue")
            #expect(first.with { Set($0.requests.map { $0.credentials?.username }) } == ["all"])
            #expect(second.with { Set($0.requests.map { $0.credentials?.username }) } == ["own"])
        }
    }

    @Test("a prompt that was never seen is 404 everywhere")
    func unknown() async throws {
        try await GatewayRig.run([]) { rig in
            for path in ["/api/task/x/status", "/api/history/x"] {
                let answer = await rig.call(.get, path)
                #expect(answer.status == .notFound)
                #expect(answer.json["detail"]?.stringValue != nil)
                #expect(answer.json["code"] == "gateway.unknown_prompt")
            }
        }
    }
}

/// A body that comes piece by piece.
private final class Pieces: Sendable {
    private let rest: Mutex<[[UInt8]]>

    init(_ pieces: [[UInt8]]) {
        rest = Mutex(pieces)
    }

    @Sendable func next() -> [UInt8]? {
        rest.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }
}
