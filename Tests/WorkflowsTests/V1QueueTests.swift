import PluginAPI
import PluginTestKit
import Testing

@testable import Workflows

@Suite("interrupt and the queue of /api/v1, and what the service says of itself")
struct V1QueueTests {
    private static let interrupt = "/api/v1/workflows/interrupt"

    private static func queued(_ id: String, _ number: JSON, caller: String? = nil, extra: JSON = [:]) -> QueuedPrompt {
        QueuedPrompt(
            promptID: id, caller: caller, server: FakeBackend.server, number: number,
            createdAt: Timestamp(milliseconds: 1_700_000_000_999), item: [number, .string(id), [:], extra, []])
    }

    @Test("one workflow is interrupted by its id; one that has ended, or nobody knows, is 404")
    func one() async throws {
        try await withWorkflows { rig in
            try await rig.move("p", of: "me", to: .running)
            let answer = await rig.host.send(.post, Self.interrupt, json: ["prompt_id": "p"])
            #expect(answer.status == .ok)
            #expect(answer.json?["success"] == true)
            #expect(answer.json?["detail"]?["interrupted"] == ["p"])
            #expect(rig.backend.calls.cancellations.map(\.promptID) == ["p"])
            #expect(rig.backend.calls.cancellations.map(\.actor) == ["address:127.0.0.1"])
            try await rig.move("p", of: "me", to: .cancelled)
            for id in ["p", "nobody"] {
                let gone = await rig.host.send(.post, Self.interrupt, json: ["prompt_id": .string(id)])
                #expect(gone.status == .notFound)
                #expect(gone.json?["detail"]?["code"] == "WORKFLOW_NOT_FOUND")
            }
        }
    }

    @Test("without an id all that run are interrupted", arguments: ["", " \n", "{}", "null", #"{"prompt_id":null}"#])
    func all(_ body: String) async throws {
        try await withWorkflows { rig in
            let running = (1...40).map { "r\($0)" }
            rig.backend.script { script in
                script.queue.running = running.map { Self.queued($0, 1) }
                script.queue.pending = [Self.queued("w", 2)]
                script.cancels = true
            }
            let answer = await rig.host.send(.post, Self.interrupt, body: HTTPBody(Array(body.utf8)))
            #expect(answer.status == .ok)
            #expect(Set(rig.backend.calls.cancellations.map(\.promptID)) == Set(running))
            #expect(answer.json?["detail"]?["interrupted"]?.arrayValue?.count == running.count)
        }
    }

    @Test("a key without an id interrupts its own")
    func own() async throws {
        let key = Principal(kind: .apiKey, id: "k1", name: "K", scopes: [JobScope.jobs])
        try await withWorkflows(openSurfaces: false) { rig in
            rig.backend.script { script in
                script.queue.running = [
                    Self.queued("mine", 1, caller: "key:k1"), Self.queued("theirs", 2, caller: "key:k2"),
                    Self.queued("foreign", 3),
                ]
                script.cancels = true
            }
            _ = await rig.host.send(.post, Self.interrupt, principal: key)
            #expect(rig.backend.calls.cancellations.map(\.promptID) == ["mine"])
        }
    }

    @Test(
        "a body of the wrong form is a list of problems",
        arguments: [
            (interrupt, "[]"), (interrupt, "x"), (interrupt, #"{"prompt_id":7}"#), ("/api/v1/queue/clear", ""),
            ("/api/v1/queue/clear", "{}"), ("/api/v1/queue/clear", #"{"clear":"maybe"}"#),
            ("/api/v1/queue/clear", "null"),
        ])
    func malformed(_ path: String, _ body: String) async throws {
        try await withWorkflows { rig in
            let answer = await rig.host.send(.post, path, body: HTTPBody(Array(body.utf8)))
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json?["detail"]?[0]?["loc"]?[0] == "body")
            #expect(rig.backend.calls.clearings.isEmpty)
        }
    }

    @Test("a server that does not interrupt or clear is a queue error")
    func failures() async throws {
        try await withWorkflows { rig in
            try await rig.move("p", of: "me", to: .running)
            rig.backend.script { script in
                var other = FakeBackend.server
                other.id = "server-2"
                script.clearings = [
                    QueueClearing(server: nil, removed: 2), QueueClearing(server: FakeBackend.server),
                    QueueClearing(server: other, problem: "It does not answer."),
                ]
            }
            let clear = await rig.host.send(.post, "/api/v1/queue/clear", json: ["clear": true])
            #expect(clear.status == .badGateway)
            #expect(clear.json?["detail"]?["code"] == "QUEUE_OPERATION_ERROR")
            #expect(
                clear.json?["detail"]?["detail"]
                    == ["daemon": "ok", "server-1": "ok", "server-2": "It does not answer."])
        }
    }

    @Test("the queue is cleared for whoever asks, and not without wishing it")
    func clear() async throws {
        try await withWorkflows { rig in
            rig.backend.script { $0.clearings = [QueueClearing(server: FakeBackend.server, removed: 1)] }
            let not = await rig.host.send(.post, "/api/v1/queue/clear", json: ["clear": false])
            #expect(not.status == .ok)
            #expect(not.json?["success"] == false)
            #expect(rig.backend.calls.clearings.isEmpty)
            for word in [JSON.bool(true), "true", 1] {
                let answer = await rig.host.send(.post, "/api/v1/queue/clear", json: ["clear": word])
                #expect(answer.json?["success"] == true)
                #expect(answer.json?["detail"] == ["server-1": "ok"])
            }
            #expect(rig.backend.calls.clearings.count == 3)
            #expect(rig.backend.calls.clearings.allSatisfy { $0.caller == nil })
        }
    }

    @Test("the queue has ComfyUI's numbers, the submitter's time and places over all that waits")
    func status() async throws {
        try await withWorkflows { rig in
            rig.backend.script { script in
                script.queue.running = [Self.queued("r", -2, extra: ["create_time": 1_795_200_151_555])]
                var waiting = Self.queued("w2", 0)
                (waiting.server, waiting.createdAt) = (nil, nil)
                script.queue.pending = [Self.queued("w1", 0.5), waiting]
            }
            let answer = await rig.host.send(.get, "/api/v1/queue/status")
            let expected: JSON = [
                "queue_running": [
                    ["prompt_id": "r", "number": -2, "timestamp": 1_795_200_151, "worker_id": "server-1"]
                ],
                "queue_pending": [
                    [
                        "prompt_id": "w1", "number": 0.5, "timestamp": 1_700_000_000, "worker_id": "server-1",
                        "position": 1,
                    ],
                    ["prompt_id": "w2", "number": 0, "timestamp": 0, "worker_id": nil, "position": 2],
                ],
                "running_count": 1, "pending_count": 2,
            ]
            #expect(answer.json == expected)
        }
    }

    @Test("servers that cannot be asked are named; none that can is a connection error")
    func unreachable() async throws {
        try await withWorkflows { rig in
            var other = FakeBackend.server
            other.id = "server-2"
            rig.backend.script { script in
                script.servers = [FakeBackend.server, other]
                script.queue.unreachable = [other]
            }
            let some = await rig.host.send(.get, "/api/v1/queue/status")
            #expect(some.status == .ok)
            #expect(some.json?["unreachable"] == ["server-2"])
            rig.backend.script { $0.queue.unreachable = [FakeBackend.server, other] }
            let none = await rig.host.send(.get, "/api/v1/queue/status")
            #expect(none.status == .serviceUnavailable)
            #expect(none.json?["detail"]?["code"] == "CONNECTION_ERROR")
        }
    }

    @Test("servers that cannot be asked what runs are named; if none can, nothing is said to be interrupted")
    func unreachableInterrupt() async throws {
        try await withWorkflows { rig in
            var other = FakeBackend.server
            other.id = "server-2"
            rig.backend.script { script in
                script.servers = [FakeBackend.server, other]
                script.queue.running = [Self.queued("p", 1)]
                script.queue.unreachable = [other]
                script.cancels = true
            }
            let some = await rig.host.send(.post, Self.interrupt)
            #expect(some.status == .ok)
            #expect(some.json?["detail"] == ["interrupted": ["p"], "unreachable": ["server-2"]])
            rig.backend.script { script in
                script.queue = PromptQueue(unreachable: [FakeBackend.server, other])
            }
            let none = await rig.host.send(.post, Self.interrupt)
            #expect(none.status == .serviceUnavailable)
            #expect(none.json?["detail"]?["code"] == "CONNECTION_ERROR")
        }
    }

    @Test("a key sees its own prompts in the queue, at their places among all")
    func ownQueue() async throws {
        let key = Principal(kind: .apiKey, id: "k1", name: "K", scopes: [JobScope.jobs])
        try await withWorkflows(openSurfaces: false) { rig in
            rig.backend.script { script in
                script.queue.running = [Self.queued("r", 1, caller: "key:k2")]
                script.queue.pending = [Self.queued("w1", 2), Self.queued("w2", 3, caller: "key:k1")]
            }
            let answer = await rig.host.send(.get, "/api/v1/queue/status", principal: key)
            #expect(answer.json?["queue_running"] == [])
            #expect(answer.json?["queue_pending"]?.arrayValue?.map { $0["prompt_id"] } == ["w2"])
            #expect(answer.json?["queue_pending"]?[0]?["position"] == 2)
            #expect(answer.json?["pending_count"] == 2)
        }
    }

    @Test("the service says who it is, to a browser as a page")
    func info() async throws {
        try await withWorkflows(configuration: ["app_name": "<b>Pics</b>", "app_version": "2.0"]) { rig in
            for accept in ["application/json", "*/*", "text/html;q=0.5, application/json", ""] {
                let answer = await rig.host.send(.get, "/", headers: ["Accept": accept])
                #expect(answer.json?["name"] == "<b>Pics</b>")
                #expect(answer.json?["version"] == "2.0")
                #expect(answer.headers["Vary"] == "Accept")
            }
            let page = await rig.host.send(
                .get, "/", headers: ["Accept": "text/html,application/xhtml+xml,*/*;q=0.8"])
            #expect(page.headers["Content-Type"] == "text/html; charset=utf-8")
            #expect(page.text.contains("&lt;b&gt;Pics&lt;/b&gt; 2.0"))
            for path in ["/docs", "/redoc", "/health", "/api/workflows"] {
                #expect(page.text.contains("href=\"\(path)\""))
            }
        }
    }

    @Test("health is always 200, and says when no workflow can run")
    func health() async throws {
        try await withWorkflows { rig in
            let well = await rig.host.send(.get, "/health")
            #expect(well.json == ["status": "healthy", "service": "comfyd"])
            rig.backend.script { script in
                script.servers = script.servers.map { server in
                    var server = server
                    server.healthy = false
                    return server
                }
            }
            let sick = await rig.host.send(.get, "/health")
            #expect(sick.status == .ok)
            #expect(sick.json?["status"] == "degraded")
            #expect(sick.json?["reason"]?.stringValue?.isEmpty == false)
        }
    }
}
