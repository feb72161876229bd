import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// `/queue-status`: the routes in their order, counts, failures (`spec/catalogs.md` §5).
@Suite struct QueueStatusTests {
    private static let executors: JSON = [
        ["id": "a", "base_url": "http://a:8188"], ["id": "api", "base_url": "http://a:8188/sub/api"],
        ["id": "host", "base_url": "http://api"],
    ]
    private static let queue: JSON = [
        "queue_running": [
            [1, "p1", ["3": ["class_type": "KSampler"]], ["client_id": "c", "api_key_comfy_org": "s3cret"], []]
        ],
        "queue_pending": [[2, "p2", [:], ["auth_token_comfy_org": "s3cret"], []], "odd"], "queue_size_max": 7,
    ]

    @Test("counts are lengths; the server's own answer comes along, without keys to paid services")
    func counts() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/queue/status"] = .json(Self.queue)
            let answer = await rig.get("/queue-status?executorId=a")
            #expect(answer.status == .ok)
            let body = try #require(answer.json?.objectValue)
            #expect(
                body.keys.sorted() == [
                    "baseUrl", "executorId", "message", "pendingCount", "queueMaxSize", "raw", "runningCount",
                    "supported",
                ])
            #expect(body["executorId"] == "a")
            #expect(body["runningCount"] == 1)
            #expect(body["pendingCount"] == 2)
            #expect(body["queueMaxSize"] == 7)
            #expect(body["supported"] == true)
            #expect(body["message"] == .null)
            #expect(body["raw"]?["queue_running"]?[0]?[2]?["3"]?["class_type"] == "KSampler")
            #expect(body["raw"]?["queue_running"]?[0]?[3] == ["client_id": "c"])
            #expect(body["raw"]?["queue_pending"]?[1] == "odd")
            #expect(!answer.text.contains("s3cret"))
            #expect(await rig.get("/queue-status?executorId=a&raw=false").json?["raw"] == .null)
        }
    }

    @Test(
        "what is no list counts as empty, and sizes come in two spellings",
        arguments: [
            (#"{}"#, 0, JSON.null), (#"{"queue_running": 3, "queue_pending": null}"#, 0, .null),
            (#"{"queue_pending": [1, {"a": [2]}], "queue_max_size": "12"}"#, 2, 12),
            (#"{"queue_max_size": 1, "queue_size_max": 2, "x": NaN}"#, 0, 2),
            (#"{"queue_size_max": "many"}"#, 0, .null), (#"{"queue_size_max": 1e99}"#, 0, .null),
        ])
    func shapes(text: String, pending: Int, size: JSON) async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/queue/status"] = .text(text)
            let answer = await rig.get("/queue-status?executorId=a")
            #expect(answer.json?["pendingCount"] == .number(JSONNumber(pending)))
            #expect(answer.json?["runningCount"] == 0)
            #expect(answer.json?["queueMaxSize"] == size)
        }
    }

    @Test("a count that nobody waits for ends with the next prompt", arguments: ["queue_running", "queue_pending"])
    func givenUp(key: String) throws {
        let bytes = JSON.object([key: [[:], [:], [:], [:], [:]]]).serialized()
        for patience in 1...6 {
            var asked = 0
            let count = {
                try QueueStatus(scanning: bytes) {
                    asked += 1; return asked == patience
                }
            }
            #expect(throws: CancellationError.self) { try count() }
            #expect(asked == patience)
        }
        let status = try QueueStatus(scanning: bytes)
        #expect(status.running + status.pending == 5)
    }

    @Test(
        "the server's own answer keeps its form, but for keys to paid services and what is no JSON",
        arguments: [
            (#"{}"#, [:]), (#" { "a" : NaN , "queue_running" : [ ] } "#, ["a": nil, "queue_running": []]),
            (
                #"{"queue_pending": [[1, "p", {"n": Infinity}, {"auth_token_comfy_org": "s", "x": 1}], 2], "queue_running": {"b": [1]}}"#,
                ["queue_pending": [[1, "p", ["n": nil], ["x": 1]], 2], "queue_running": ["b": [1]]]
            ),
            (#"{"queue\u005frunning": [[1, 2, 3, {"api_key_comfy_org": "s"}]]}"#, ["queue_running": [[1, 2, 3, [:]]]]),
        ] as [(String, JSON)])
    func rawForms(text: String, raw: JSON) async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/queue/status"] = .text(text)
            #expect(await rig.get("/queue-status?executorId=a").json?["raw"] == raw)
        }
    }

    @Test(
        "routes are tried in order, and the next one only after 404 or 405",
        arguments: [
            ("a", ["http://a:8188/queue/status", "http://a:8188/api/queue", "http://a:8188/queue"]),
            ("api", ["http://a:8188/sub/queue/status", "http://a:8188/sub/api/queue", "http://a:8188/sub/queue"]),
            ("host", ["http://api/queue/status", "http://api/api/queue", "http://api/queue"]),
        ])
    func order(id: String, urls: [String]) async throws {
        for (index, url) in urls.enumerated() {
            try await withFakeServers(executors: Self.executors) { rig in
                for earlier in urls.prefix(index) { rig.servers[earlier] = .status(index == 1 ? 405 : 404) }
                rig.servers[url] = .json(["queue_pending": [1]])
                #expect(await rig.get("/queue-status?executorId=\(id)").json?["pendingCount"] == 1)
                #expect(rig.asked == Array(urls.prefix(index + 1)))
            }
        }
    }

    @Test("a worker's address is not left: what is above its /api is never asked")
    func workerBelowAPI() async throws {
        let worker = ComfyServer(id: "w", name: "w", url: "http://w:8188/api", enabled: true, healthy: true)
        try await withFakeServers(workers: [worker]) { rig in
            rig.servers["http://w:8188/api/queue"] = .json(["queue_running": [1]])
            #expect(await rig.get("/queue-status?executorId=w").json?["runningCount"] == 1)
            #expect(rig.asked == ["http://w:8188/api/queue/status", "http://w:8188/api/queue"])
        }
    }

    @Test("a server without any of the routes is not supported, which is no failure")
    func unsupported() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/queue"] = .status(405)
            let answer = await rig.get("/queue-status?executorId=a")
            #expect(answer.status == .ok)
            #expect(answer.json?["supported"] == false)
            #expect(answer.json?["runningCount"] == 0)
            #expect(answer.json?["message"]?.stringValue?.isEmpty == false)
            #expect(answer.json?["raw"] == ["status_code": 405])
            #expect(rig.asked.count == 3)
        }
    }

    @Test(
        "other failures end the search",
        arguments: [
            (.status(.internalServerError), "COMFYUI_QUEUE_STATUS_ERROR"), (.status(401), "COMFYUI_QUEUE_STATUS_ERROR"),
            (.text("[]"), "COMFYUI_QUEUE_STATUS_INVALID"), (.text("<html>"), "COMFYUI_QUEUE_STATUS_INVALID"),
            (nil, "COMFYUI_QUEUE_STATUS_ERROR"),
        ] as [(FakeServers.Answer?, String)])
    func failures(given: FakeServers.Answer?, code: String) async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/queue/status"] = given
            let answer = await rig.get("/queue-status?executorId=a")
            #expect(answer.status == .badGateway)
            #expect(answer.json?["detail"]?.stringValue == code)
            #expect(rig.asked.count == 1)
        }
    }

    @Test("a route is waited for a quarter of a minute")
    func slow() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/queue/status"] = .stall
            async let response = rig.get("/queue-status?executorId=a")
            await rig.clock.waitForSleepers()
            rig.clock.advance(by: .seconds(15))
            #expect(await response.json?["detail"] == "COMFYUI_QUEUE_STATUS_ERROR")
        }
    }
}
