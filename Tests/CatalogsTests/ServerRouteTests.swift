import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// `/models`, `/system-stats` and `/servers` (seed 000 §5, `spec/catalogs.md` §5).
@Suite struct ServerRouteTests {
    private static let executors: JSON = [
        ["id": "a", "base_url": "http://a:8188"], ["id": "kling", "type": "KLING", "base_url": "http://k"],
        ["id": "upper", "type": "ComfyUI", "base_url": "http://a:8188"], ["id": "nowhere"],
    ]

    @Test("models have the four kinds of the seed and more; nodes only when asked for")
    func models() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/object_info"] = FakeServers.objectInfo(
                lora: ["l2", "l1"], unet: ["u"], nodes: ["KSampler", "A"])
            let answer = await rig.get("/models?executorId=a")
            #expect(answer.status == .ok)
            #expect(answer.json?["executorId"] == "a")
            #expect(answer.json?["baseUrl"] == "http://a:8188")
            #expect(answer.json?["models"]?["unet"] == ["u"])
            #expect(answer.json?["models"]?["lora"] == ["l2", "l1"])
            #expect(answer.json?["models"]?["checkpoints"] == [])
            #expect(answer.json?["nodeKeys"] == .null)
            #expect(answer.json?["nodeCount"] == .null)
            let nodes = await rig.get("/models?executorId=upper&includeNodes=true").json
            #expect(nodes?["nodeKeys"] == ["A", "KSampler", "LoraLoaderModelOnly", "UNETLoader"])
            #expect(nodes?["nodeCount"] == 4)
        }
    }

    @Test("refresh asks the server")
    func refresh() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/object_info"] = FakeServers.objectInfo()
            for query in ["", "", "&refresh=true", "&refresh=false"] {
                _ = await rig.get("/models?executorId=a\(query)")
            }
            #expect(rig.asked.count == 2)
        }
    }

    @Test("the seed's word for the id is echoed, whichever server it means")
    func echo() async throws {
        try await withFakeServers(workers: [.worker("w1")]) { rig in
            rig.servers["http://w1:8188/object_info"] = FakeServers.objectInfo()
            let answer = await rig.get("/models?executorId=w1")
            #expect(answer.json?["executorId"] == "w1")
            #expect(answer.json?["baseUrl"] == "http://w1:8188")
        }
    }

    @Test(
        "all routes about one server refuse the same way", arguments: ["models", "system-stats", "queue-status"])
    func refusals(route: String) async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            for (query, status, code) in [
                ("?executorId=nobody", Status.notFound, "EXECUTOR_NOT_FOUND"),
                ("?executorId=kling", .badRequest, "EXECUTOR_TYPE_NOT_COMFYUI"),
                ("?executorId=nowhere", .badRequest, "COMFYUI_BASE_URL_MISSING"),
            ] {
                let answer = await rig.get("/\(route)\(query)")
                #expect(answer.status == status)
                #expect(answer.json?["detail"]?.stringValue == code)
            }
            for query in ["", "?executorId="] {
                let answer = await rig.get("/\(route)\(query)")
                #expect(answer.status == .unprocessableContent)
                #expect(answer.json?["detail"]?[0]?["loc"] == ["query", "executorId"])
                #expect(answer.json?["detail"]?[0]?["type"] == "missing")
            }
            #expect(rig.asked.isEmpty)
        }
    }

    @Test(
        "flags that are no flags are refused",
        arguments: [
            "models?executorId=a&includeNodes=x", "models?executorId=a&refresh=2", "queue-status?executorId=a&raw=x",
        ])
    func flags(path: String) async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            #expect(await rig.get("/\(path)").status == .unprocessableContent)
        }
    }

    @Test("a server's own words about itself come as they are")
    func stats() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            let stats: JSON = ["system": ["comfyui_version": "0.3.64"], "devices": [["name": "cpu"]], "more": 1]
            rig.servers["http://a:8188/system_stats"] = .json(stats)
            let answer = await rig.get("/system-stats?executorId=a")
            #expect(
                answer.json == [
                    "executorId": "a", "baseUrl": "http://a:8188", "system": ["comfyui_version": "0.3.64"],
                    "devices": [["name": "cpu"]], "raw": stats,
                ])
            rig.servers["http://a:8188/system_stats"] = .text(#"{"system": 1, "devices": {}, "x": NaN}"#)
            let odd = await rig.get("/system-stats?executorId=a")
            #expect(odd.json?["system"] == .null)
            #expect(odd.json?["devices"] == .null)
            #expect(odd.json?["raw"]?["x"] == .null)
        }
    }

    @Test(
        "stats that cannot be read are a bad gateway",
        arguments: [.text("[]"), .text("<html>"), .status(.internalServerError), nil] as [FakeServers.Answer?])
    func noStats(answer: FakeServers.Answer?) async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/system_stats"] = answer
            let answer = await rig.get("/system-stats?executorId=a")
            #expect(answer.status == .badGateway)
            #expect(answer.json?["detail"] == "COMFYUI_SYSTEM_STATS_ERROR")
        }
    }

    @Test("stats are waited for a quarter of a minute")
    func slowStats() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/system_stats"] = .stall
            async let response = rig.get("/system-stats?executorId=a")
            await rig.clock.waitForSleepers()
            rig.clock.advance(by: .seconds(15))
            #expect(await response.json?["detail"] == "COMFYUI_SYSTEM_STATS_ERROR")
        }
    }

    @Test("the list has every server with an address, whether it counts, and what the last snapshot said of it")
    func servers() async throws {
        let executors: JSON = [
            ["id": "z", "base_url": "http://z:8188", "status": "inactive", "name": "Last"], ["id": "nowhere"],
            ["id": "alias", "worker": "w1"], ["id": "k", "type": "kling", "base_url": "http://k"],
        ]
        let workers: [ComfyServer] = [.worker("w1", healthy: false), .worker("w2")]
        try await withFakeServers(executors: executors, workers: workers) { rig in
            _ = await rig.rig.send(
                .post, "/server-diff",
                ["baseline_executor_id": "alias", "payload": ["servers": [["server": ["id": "w1"]]]]])
            let items = await rig.get("/servers").json?["items"]
            let now = JSON.string(rig.clock.wallClock.iso8601)
            #expect(
                items == [
                    [
                        "executorId": "alias", "name": "w1", "baseUrl": "http://w1:8188", "source": "worker",
                        "active": true, "healthy": false, "sync_role": "master", "last_sync_at": now,
                    ],
                    [
                        "executorId": "id-w2", "name": "w2", "baseUrl": "http://w2:8188", "source": "worker",
                        "active": true, "healthy": true, "sync_role": nil, "last_sync_at": nil,
                    ],
                    [
                        "executorId": "z", "name": "Last", "baseUrl": "http://z:8188", "source": "executor",
                        "active": false, "healthy": nil, "sync_role": nil, "last_sync_at": nil,
                    ],
                ])
        }
    }

    @Test(
        "these routes are the administrator's and of keys with the scope",
        arguments: ["models", "system-stats", "queue-status", "queue-summary", "servers", "loras"])
    func access(route: String) async throws {
        try await withFakeServers { rig in
            let path = "/api/admin/comfyui/\(route)"
            #expect(await rig.rig.host.send(.get, path).status == .unauthorized)
            #expect(await rig.rig.host.send(.get, path, principal: .testKey).status == .forbidden)
            let key = Principal(kind: .apiKey, id: "key-2", name: "Key", scopes: ["catalogs"])
            let status = await rig.rig.host.send(.get, path, principal: key).status
            #expect(status == .ok || status == .unprocessableContent)
        }
    }
}
