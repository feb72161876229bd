import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("Routes of workers")
struct WorkerRouteTests {
    private static func register(_ rig: GatewayRig, _ body: JSON) async throws -> String {
        let answer = await rig.call(.post, "/api/workers", body)
        #expect(answer.status == .ok)
        return try #require(answer.json["worker_id"]?.stringValue)
    }

    @Test("a registration answers exactly what the list has, with the defaults")
    func defaults() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], ["workers": []]) { rig in
            let answer = await rig.call(
                .post, "/api/workers", ["url": "HTTP://A:1/", "name": nil, "weight": nil, "is_gray": true])
            let id = answer.json["worker_id"] ?? nil
            #expect(id.stringValue?.count == 36)
            let expected: JSON = [
                "worker_id": id, "url": "http://a:1", "name": "http://a:1", "weight": 1, "enabled": true,
                "auth_username": nil, "auth_has_password": false, "healthy": true,
            ]
            #expect(answer.json == expected)
            var listed = expected.objectValue ?? [:]
            listed["breaker"] = "closed"
            listed["queue_running"] = 0
            listed["queue_pending"] = 0
            #expect(await rig.call(.get, "/api/workers").json == ["workers": [.object(listed)]])
        }
    }

    @Test("numbers and truth values may be texts, as with FastAPI")
    func texts() async throws {
        try await GatewayRig.run([]) { rig in
            let answer = await rig.call(
                .post, "/api/workers", ["url": "http://h", "weight": "3", "enabled": "false"])
            #expect(answer.json["weight"] == 3)
            #expect(answer.json["enabled"] == false)
        }
    }

    @Test(
        "bodies of the wrong form name their key",
        arguments: [
            (#"{"url":"http://h","weight":"x"}"#, "weight"), (#"{"url":"http://h","weight":1e99}"#, "weight"),
            (#"{"url":"http://h","weight":[]}"#, "weight"), (#"{"url":"http://h","enabled":2}"#, "enabled"),
            (#"{"url":"http://h","name":1}"#, "name"), (#"{"url":null}"#, "url"), (#"{"url":""}"#, "url"),
            (#"{"url":"http://h","worker_id":"a b"}"#, "worker_id"),
            (#"{"url":"http://h","executor_id":"a/b"}"#, "executor_id"),
            (#"{"url":"http://h","auth_username":"a:b"}"#, "auth_username"),
            (#"{"url":"http://h","auth_password":1}"#, "auth_password"),
        ])
    func malformed(body: String, key: String) async throws {
        try await GatewayRig.run([]) { rig in
            let answer = await rig.call(.post, "/api/workers", raw: body)
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json["detail"]?[0]?["loc"] == ["body", .string(key)])
            #expect(await rig.call(.get, "/api/workers").json == ["workers": []])
        }
    }

    @Test("an id may be wished under two names, and belongs to one worker")
    func ids() async throws {
        try await GatewayRig.run([]) { rig in
            let first = try await Self.register(rig, ["url": "http://h:1", "executor_id": "gpu-1"])
            let second = try await Self.register(rig, ["url": "http://h:2", "worker_id": "gpu-2"])
            #expect([first, second] == ["gpu-1", "gpu-2"])
            let taken = await rig.call(.post, "/api/workers", ["url": "http://h:3", "worker_id": "gpu-1"])
            #expect(taken.status == .conflict)
            #expect(taken.json["worker_id"] == "gpu-1")
            let moved = await rig.call(.patch, "/api/workers/gpu-1", ["url": "http://h:2"])
            #expect(moved.status == .conflict)
            #expect(moved.json["worker_id"] == "gpu-2")
        }
    }

    @Test("an empty name is kept as it is, and the URL stands for it towards people")
    func emptyName() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker]) { rig in
            let id = rig.engine.pool.members[0].worker.id
            let path = "/api/workers/\(id)"
            #expect(await rig.call(.patch, path, ["name": "gpu"]).json["name"] == "gpu")
            #expect(await rig.call(.patch, path, ["name": nil]).json["name"] == "gpu")
            let emptied = await rig.call(.patch, path, ["name": ""])
            #expect(emptied.json["name"] == "")
            #expect(emptied.json["healthy"] == nil)
            #expect(await rig.call(.get, "/api/queue").json["workers"]?[0]?["name"] == "http://a:1")
        }
    }

    @Test("a name that was the URL follows it")
    func followingName() async throws {
        try await GatewayRig.run([]) { rig in
            let first = try await Self.register(rig, ["url": "http://h:1"])
            #expect(
                await rig.call(.patch, "/api/workers/\(first)", ["url": "http://h:9/"]).json["name"] == "http://h:9")
            let second = try await Self.register(rig, ["url": "http://h:2", "name": "two"])
            #expect(await rig.call(.patch, "/api/workers/\(second)", ["url": "http://h:8"]).json["name"] == "two")
        }
    }

    @Test("a probe on demand answers with the truth of now")
    func health() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker], ["queue_cache_ttl": 3600, "health_interval": 3600]) { rig in
            try await rig.connected()
            try await eventually("probed") { rig.engine.pool.members[0].health == .healthy }
            let path = "/api/workers/\(rig.engine.pool.members[0].worker.id)"
            _ = await rig.submit()
            let well = await rig.call(.post, path + "/health")
            #expect(well.json["healthy"] == true)
            #expect(well.json["queue_pending"] == 1)
            #expect(well.json["detail"] == nil)
            worker.with { $0.isDown = true }
            let sick = await rig.call(.post, path + "/health")
            #expect(sick.status == .ok)
            #expect(sick.json["healthy"] == false)
            #expect(sick.json["detail"]?.stringValue == "connect: refused")
            #expect(await rig.call(.get, "/api/workers").json["workers"]?[0]?["healthy"] == false)
            worker.with { $0.isDown = false }
            _ = await rig.call(.patch, path, ["enabled": false])
            #expect(await rig.call(.post, path + "/health").json["healthy"] == true)
            #expect(await rig.call(.post, "/api/workers/nobody/health").status == .notFound)
            _ = await rig.call(.delete, path)
            #expect(await rig.call(.post, path + "/health").status == .notFound)
        }
    }
}
