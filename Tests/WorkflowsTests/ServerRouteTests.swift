import ComfyUI
import PluginAPI
import PluginTestKit
import Testing

@testable import Workflows

/// `GET /api/test_comfy`, `/api/status`, `/api/view_queue` and `/api/history`, and whose prompts a key sees.
@Suite("servers, queues and results")
struct ServerRouteTests {
    private static let id = TaskStatusTests.id
    private static let stats: JSON = ["system": ["os": "posix"], "devices": [["vram_total": 1.5]]]

    private static func server(_ number: Int, enabled: Bool = true, healthy: Bool = true) -> ComfyServer {
        ComfyServer(
            id: "s\(number)", name: "gpu-\(number)", url: "http://gpu-\(number):8188", enabled: enabled,
            healthy: healthy)
    }

    private static func answering(_ value: JSON, status: Status = .ok) -> StubHTTPClient {
        StubHTTPClient { request in
            #expect(request.url == "/system_stats")
            return .json(value, status: status)
        }
    }

    @Test("test_comfy asks the first enabled healthy server and gives its words in both readings of the seed")
    func test() async throws {
        try await withWorkflows { rig in
            rig.backend.script { script in
                script.servers = [
                    Self.server(1, enabled: false), Self.server(2, healthy: false), Self.server(3), Self.server(4),
                ]
                script.clients["s3"] = Self.answering(Self.stats)
            }
            let answer = await rig.host.send(.get, "/api/test_comfy")
            #expect(answer.status == .ok, "\(answer.text)")
            #expect(answer.json?["status"] == "success")
            #expect(answer.json?["comfyui_url"] == "http://gpu-3:8188/system_stats")
            var response = Self.stats
            response["system_stats"] = Self.stats
            #expect(answer.json?["response"] == response)
            #expect(answer.json?["servers"]?.arrayValue?.map { $0["healthy"] } == [true, false, true, true])
            #expect(await rig.host.send(.get, "/api/status").json == Self.stats)
        }
    }

    @Test("a server that fails: test_comfy is 500 with status error, status is 502; without servers both are 503")
    func testFails() async throws {
        try await withWorkflows { rig in
            let clients = [
                StubHTTPClient(), Self.answering([:], status: 500), StubHTTPClient { _ in ClientResponse(status: .ok) },
            ]
            for client in clients {
                rig.backend.script { script in
                    script.servers = [Self.server(1, healthy: false)]
                    script.clients["s1"] = client
                }
                let answer = await rig.host.send(.get, "/api/test_comfy")
                #expect(answer.status == .internalServerError)
                #expect(answer.json?["status"] == "error")
                #expect(answer.json?["comfyui_url"] == "http://gpu-1:8188/system_stats")
                #expect(answer.json?["error"]?.stringValue?.isEmpty == false)
                #expect(answer.json?["status_code"] == 500)
                let status = await rig.host.send(.get, "/api/status")
                #expect(status.status == .badGateway)
                #expect(status.json?["status_code"] == 502)
            }
            rig.backend.script { $0.servers = [Self.server(1, enabled: false)] }
            for path in ["/api/test_comfy", "/api/status"] {
                let answer = await rig.host.send(.get, path)
                #expect(answer.status == .serviceUnavailable)
                #expect(answer.json?["status_code"] == 503)
            }
        }
    }

    @Test("view_queue is ComfyUI's form; silent servers are named, and when all are silent it is 502")
    func queue() async throws {
        try await withWorkflows { rig in
            #expect(await rig.host.send(.get, "/api/view_queue").json == ["queue_running": [], "queue_pending": []])
            rig.backend.script { script in
                script.servers = [Self.server(1), Self.server(2)]
                script.queue = PromptQueue(
                    running: [QueuedPrompt(promptID: "a", item: [1, "a", ["1": [:]], [:], ["9"]])],
                    pending: [QueuedPrompt(promptID: "b", item: [-0.5, "b", [:], [:], []])],
                    unreachable: [Self.server(2)])
            }
            #expect(
                await rig.host.send(.get, "/api/view_queue").json == [
                    "queue_running": [[1, "a", ["1": [:]], [:], ["9"]]], "queue_pending": [[-0.5, "b", [:], [:], []]],
                    "unreachable": ["gpu-2"],
                ])
            rig.backend.script { $0.queue = PromptQueue(unreachable: [Self.server(1)]) }
            #expect(await rig.host.send(.get, "/api/view_queue").status == .ok, "the other one answered")
            rig.backend.script { $0.queue = PromptQueue(unreachable: [Self.server(1), Self.server(2)]) }
            #expect(await rig.host.send(.get, "/api/view_queue").status == .badGateway)
        }
    }

    @Test("history has ComfyUI's form with a url for each file; max_items and offset go to the backend")
    func histories() async throws {
        try await withWorkflows { rig in
            rig.backend.script { $0.histories = ["old": ["outputs": [:]], Self.id: TaskStatusTests.history] }
            let list = await rig.host.send(.get, "/api/history?max_items=5&offset=2")
            #expect(list.json?.objectValue?.keys == ["old", Self.id])
            var entry = TaskStatusTests.history
            let linked = list.json?[Self.id]?["outputs"]?["9"]?["images"]?[0]
            #expect(linked?["url"]?.stringValue?.hasPrefix("http://test.local/api/view?prompt_id=\(Self.id)&") == true)
            entry["outputs"] = list.json?[Self.id]?["outputs"]
            #expect(list.json?[Self.id] == entry, "nothing else differs")
            #expect(rig.backend.calls.ranges == [HistoryRange(maxItems: 5, offset: 2)])
            for query in ["", "?offset=-1", "?max_items=0"] {
                #expect(await rig.host.send(.get, "/api/history\(query)").status == .ok)
            }
            #expect(
                rig.backend.calls.ranges.dropFirst() == [HistoryRange(), HistoryRange(), HistoryRange(maxItems: 0)])
            for query in ["max_items=x", "max_items=-1", "offset=-2", "max_items=", "offset=99999999999999999999"] {
                let answer = await rig.host.send(.get, "/api/history?\(query)")
                #expect(answer.status == .badRequest, "\(query)")
                #expect(answer.json?["status_code"] == 400)
            }
            let one = await rig.host.send(.get, "/api/history/\(Self.id)")
            #expect(one.json?[Self.id] == list.json?[Self.id])
            #expect(await rig.host.send(.get, "/api/history/unknown").json == [:])
            for (failure, status) in [
                (ComfyServerError(status: 500, body: []), 502), (TestFailure(), 500),
                (HTTPClientError(.timeout, mayHaveBeenProcessed: true, ""), 502),
            ] as [(any Error, Int)] {
                rig.backend.script { $0.failure = failure }
                for path in ["/api/history", "/api/history/x"] {
                    let answer = await rig.host.send(.get, path)
                    #expect(answer.status.code == status)
                    #expect(answer.json?["error"]?.stringValue != nil)
                }
            }
        }
    }

    @Test("a key sees its own prompts only, unless it may see all")
    func privacy() async throws {
        let own = Principal(kind: .apiKey, id: "own", name: "", scopes: [JobScope.jobs])
        let other = Principal(kind: .apiKey, id: "other", name: "", scopes: [JobScope.jobs])
        let all = Principal(kind: .apiKey, id: "all", name: "", scopes: [JobScope.jobs, JobScope.allJobs])
        try await withWorkflows(openSurfaces: false) { rig in
            rig.backend.script { script in
                script.jobs[Self.id] = TaskStatusTests.job(.done) { $0.caller = JobCaller.key("own") }
                script.histories[Self.id] = TaskStatusTests.history
                script.queue = PromptQueue(
                    running: [QueuedPrompt(promptID: "a", caller: "key:own", item: [1, "a"])],
                    pending: [
                        QueuedPrompt(promptID: "b", caller: "key:other", item: [2, "b"]),
                        QueuedPrompt(promptID: "c", caller: nil, item: [3, "c"]),
                    ])
            }
            for path in ["task_status", "image", "history"] {
                let path = "/api/\(path)/\(Self.id)"
                #expect(await rig.host.send(.get, path, principal: own).status == .ok)
                #expect(await rig.host.send(.get, path, principal: all).status == .ok)
                #expect(await rig.host.send(.get, path, principal: .testAdmin).status == .ok)
                let refused = await rig.host.send(.get, path, principal: other)
                #expect(refused.status == .forbidden)
                #expect(refused.json?["status_code"] == 403)
                #expect(await rig.host.send(.get, path).status == .unauthorized)
            }
            for (principal, running, pending) in [(own, 1, 0), (other, 0, 1), (all, 1, 2), (.testAdmin, 1, 2)] {
                let queue = await rig.host.send(.get, "/api/view_queue", principal: principal).json
                #expect(queue?["queue_running"]?.arrayValue?.count == running)
                #expect(queue?["queue_pending"]?.arrayValue?.count == pending)
                _ = await rig.host.send(.get, "/api/history", principal: principal)
            }
            #expect(rig.backend.calls.ranges.map(\.caller) == ["key:own", "key:other", nil, nil])
        }
    }

    @Test(
        "unknown paths and methods are in the seed's form",
        arguments: [("/api/task_status", 404), ("/api/workflows", 405)])
    func rendering(_ path: String, _ status: Int) async throws {
        try await withWorkflows { rig in
            let answer = await rig.host.send(status == 404 ? .get : .delete, path)
            #expect(answer.status.code == status)
            #expect(answer.json?["status_code"] == .number(JSONNumber(status)))
            #expect(answer.json?["error"]?.stringValue != nil)
        }
    }
}
