import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// What `executorId` means (`spec/catalogs.md` §5).
@Suite struct ServerDirectoryTests {
    private static let executors: JSON = [
        ["id": "alias", "worker": "id-w1"], ["id": "second-alias", "worker": "w1", "status": "inactive"],
        ["id": "by-name", "worker": "w2", "name": "Second"],
        ["id": "own", "base_url": "http://E1:80/", "auth_username": "u", "auth_password": "p"],
        ["id": "w3", "base_url": "http://shadowed:8188"],
    ]

    @Test("another id, the worker's own id, its name, an executor: the first that fits, each server once")
    func order() async throws {
        let workers = ["w1", "w2", "w3"].map { ComfyServer.worker($0) }
        try await withFakeServers(executors: Self.executors, workers: workers) { rig async throws in
            for (asked, id) in [
                ("alias", "alias"), ("second-alias", "alias"), ("id-w1", "alias"), ("w1", "alias"),
                ("by-name", "by-name"), ("w2", "by-name"), ("w3", "id-w3"), ("id-w3", "id-w3"), ("own", "own"),
            ] {
                let server = try await rig.directory.server(asked)
                #expect(server.id == id, "\(asked)")
            }
            let known = try await rig.directory.known().servers
            #expect(known.map(\.id) == ["alias", "by-name", "id-w3", "own"])
            #expect(known.map(\.name) == ["w1", "Second", "w3", "own"])
            #expect(known.map(\.baseURL) == ["http://w1:8188", "http://w2:8188", "http://w3:8188", "http://e1"])
            #expect(known.map(\.source) == [.worker, .worker, .worker, .executor])
        }
    }

    @Test("a worker whose id is another id of a second worker goes by its name, and is not taken for that one")
    func shadowed() async throws {
        let executors: JSON = [["id": "id-w2", "worker": "w1"]]
        try await withFakeServers(executors: executors, workers: [.worker("w1"), .worker("w2")]) { rig async throws in
            #expect(try await rig.directory.server("id-w2").baseURL == "http://w1:8188")
            #expect(try await rig.directory.server("w2").baseURL == "http://w2:8188")
            #expect(try await rig.directory.active().map(\.id) == ["id-w2", "w2"])
            rig.servers["http://w2:8188/queue"] = .json(["queue_running": [1]])
            let summary = await rig.get("/queue-summary?executorIds=w2").json
            #expect(summary?["totalRunning"] == 1)
            #expect(summary?["servers"]?.arrayValue?.map { $0["baseUrl"] } == ["http://w2:8188"])
        }
    }

    @Test("workers are reached through their cluster, executors with their own credentials")
    func credentials() async throws {
        try await withFakeServers(executors: Self.executors, workers: [.worker("w1")]) { rig async throws in
            for (id, url) in [("alias", "http://w1:8188"), ("own", "http://e1")] {
                rig.servers[url + "/system_stats"] = .json(["system": [:]])
                let answer = await rig.get("/system-stats?executorId=\(id)")
                #expect(answer.status == .ok)
            }
            let pairs = rig.rig.host.client.requests.map(\.credentials)
            #expect(
                pairs == [
                    BasicCredentials(username: "user", password: Secret("id-w1")),
                    BasicCredentials(username: "u", password: Secret("p")),
                ])
        }
    }

    @Test("all servers that count, by id: none that is disabled, inactive, of another kind, or at an address twice")
    func active() async throws {
        let executors: JSON = [
            ["id": "z", "base_url": "http://z:8188"], ["id": "same", "base_url": "http://w1:8188/"],
            ["id": "off", "base_url": "http://off:8188", "status": "inactive"],
            ["id": "a", "base_url": "http://a:8188"], ["id": "again", "base_url": "http://a:8188"],
            ["id": "other", "type": "kling", "base_url": "http://k"], ["id": "nowhere"],
            ["id": "paused", "worker": "w3", "status": "paused"],
        ]
        let workers: [ComfyServer] = [.worker("w1", healthy: false), .worker("w2", enabled: false), .worker("w3")]
        try await withFakeServers(executors: executors, workers: workers) { rig async throws in
            let active = try await rig.directory.active()
            #expect(active.map(\.id) == ["a", "id-w1", "z"])
        }
    }

    @Test(
        "without a cluster the daemon's one server is there as `default`, unless an executor has that id or its address"
    )
    func single() async throws {
        try await withFakeServers { rig async throws in
            let server = try await rig.directory.server("default")
            #expect(server.source == .single)
            #expect(server.baseURL == "http://127.0.0.1:8188")
        }
        try await withFakeServers(executors: [["id": "x", "base_url": "http://127.0.0.1:8188"]]) { rig async throws in
            #expect(try await rig.directory.active().map(\.id) == ["x"])
            #expect(try await rig.directory.server("default").id == "default")
        }
        try await withFakeServers(executors: [["id": "default", "base_url": "http://x:1"]]) { rig async throws in
            #expect(try await rig.directory.active().map(\.baseURL) == ["http://x:1"])
        }
        try await withFakeServers(workers: []) { rig async throws in
            #expect(try await rig.directory.active().isEmpty)
            #expect(await rig.get("/models?executorId=default").json?["detail"] == "EXECUTOR_NOT_FOUND")
        }
    }

    @Test(
        "a worker that is removed is gone; an executor that stands for it falls back to its own address, if it has one")
    func removed() async throws {
        let executors: JSON = [
            ["id": "alias", "worker": "w1"], ["id": "spare", "worker": "w1", "base_url": "http://spare:8188"],
        ]
        try await withFakeServers(executors: executors, workers: [.worker("w1")]) { rig async throws in
            #expect(try await rig.directory.server("spare").baseURL == "http://w1:8188")
            rig.backend?.script { $0.servers = [] }
            #expect(try await rig.directory.server("spare").baseURL == "http://spare:8188")
            let answer = await rig.get("/models?executorId=alias")
            #expect(answer.status == .badRequest)
            #expect(answer.json?["detail"] == "COMFYUI_BASE_URL_MISSING")
            #expect(await rig.get("/models?executorId=w1").status == .notFound)
        }
    }

    @Test(
        "wrong configuration is refused with the place",
        arguments: [
            (["id": "a", "base_url": "http://u:p@h"], "executors[1].base_url"),
            (["id": "a", "base_url": "ftp://h"], "executors[1].base_url"),
            (["id": "a,b", "base_url": "http://h"], "executors[1].id"),
            (["base_url": "http://h"], "executors[1].id"),
            (["id": "a", "auth_username": "x:y"], "executors[1].auth_username"),
        ] as [(JSON, String)])
    func configuration(executor: JSON, place: String) async throws {
        let error = await #expect(throws: TestHostError.self) {
            try await withFakeServers(executors: [executor]) { _ in }
        }
        #expect("\(String(describing: error))".contains(place))
    }

    @Test("an id that is configured twice is refused")
    func twice() async throws {
        let executor: JSON = ["id": "a", "base_url": "http://h"]
        await #expect(throws: TestHostError.self) {
            try await withFakeServers(executors: [executor, executor]) { _ in }
        }
    }
}
