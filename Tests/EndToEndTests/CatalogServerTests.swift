import PluginAPI
import Testing

/// The requests of seed 000 §1 and §5 that ask servers, over two that differ and one that is not there.
@Suite("what the servers have")
struct CatalogServerTests {
    @Test("GET /models: files by kind, and on request the node classes", arguments: ServerSource.allCases)
    func models(_ source: ServerSource) async throws {
        try await withCatalogs(source) { service in
            let first = try await service.get("/models?executorId=sim-1")
            #expect(first.status == 200, "\(first)")
            #expect(first.json["executorId"] == "sim-1")
            #expect(first.json["baseUrl"] == .string(service.servers[0].url))
            let models = first.json["models"]
            #expect(models?["unet"] == ["qwen_image_edit_2509_fp8_e4m3fn.safetensors", "common.safetensors"])
            #expect(models?["clip"] == ["simulated-clip.safetensors"])
            #expect(models?["vae"] == ["simulated-vae.safetensors"])
            #expect(models?["lora"] == ["unknown.safetensors", "杯子1124.safetensors", "sub\\deep.safetensors"])
            #expect(models?["upscale_models"] == ["lab-tiny-x2.safetensors"], "a node of the newer style")
            #expect(first.json["nodeKeys"] == .null && first.json["nodeCount"] == .null)

            let nodes = try await service.get("/models?executorId=sim-1&includeNodes=true")
            let keys = try #require(nodes.json["nodeKeys"]?.arrayValue).compactMap(\.stringValue)
            #expect(keys == keys.sorted() && keys.contains("CR Text") && keys.contains("LabText"))
            #expect(nodes.json["nodeCount"]?.intValue == keys.count)
            let others = try await service.get("/models?executorId=sim-2&includeNodes=1")
            let less = try #require(others.json["nodeKeys"]?.arrayValue).compactMap(\.stringValue)
            #expect(Set(keys).subtracting(less) == ["CR Text", "CR Image", "KSampler KJ", "LabText"])
            #expect(others.json["models"]?["unet"] == ["common.safetensors", "only-here.safetensors"])
            if source == .gateway {
                let named = try await service.get("/models?executorId=worker%20of%20sim-1")
                #expect(named.json["models"] == models)
                let workers = try await service.daemon.probe.get("/api/workers").json["workers"]?.arrayValue ?? []
                let worker = try #require(workers.first { $0["name"] == "worker of sim-1" }?["worker_id"]?.stringValue)
                #expect(try await service.get("/models?executorId=\(worker)").json["models"] == models)
            }
        }
    }

    @Test("what a server has is remembered, until refresh=true")
    func remembered() async throws {
        try await withCatalogs(.executors) { service in
            let path = "/models?executorId=sim-2"
            #expect(try await service.get(path).json["models"]?["vae"] == ["simulated-vae.safetensors"])
            _ = try await service.servers[1].probe.post("/simulator/control", ["vaes": ["new.safetensors"]])
            #expect(try await service.get(path).json["models"]?["vae"] == ["simulated-vae.safetensors"])
            #expect(try await service.get(path + "&refresh=true").json["models"]?["vae"] == ["new.safetensors"])
            #expect(try await service.get(path).json["models"]?["vae"] == ["new.safetensors"])
        }
    }

    @Test("GET /system-stats: ComfyUI's own words", arguments: ServerSource.allCases)
    func systemStats(_ source: ServerSource) async throws {
        try await withCatalogs(source) { service in
            for server in service.servers {
                let answer = try await service.get("/system-stats?executorId=\(server.name)")
                #expect(answer.status == 200, "\(answer)")
                #expect(answer.json["baseUrl"] == .string(server.url))
                #expect(answer.json["system"]?["comfyui_version"] == "0.3.64")
                #expect(answer.json["devices"]?[0]?["name"] == .string(server.name))
                #expect(answer.json["raw"]?["system"] == answer.json["system"])
            }
        }
    }

    @Test("GET /queue-status and /queue-summary: what runs and what waits", arguments: ServerSource.allCases)
    func queues(_ source: ServerSource) async throws {
        try await withCatalogs(source) { service in
            for (index, count) in [3, 1].enumerated() {
                for number in 0..<count {
                    let prompt: JSON = ["prompt": Workflow.slow("busy-\(number)", seconds: 60, color: number)]
                    #expect(try await service.servers[index].probe.post("/prompt", prompt).status == 200)
                }
            }
            let status = try await eventually("one runs, two wait") { () -> JSON? in
                let answer = try await service.get("/queue-status?executorId=sim-1")
                #expect(answer.status == 200, "\(answer)")
                return answer.json["runningCount"] == 1 ? answer.json : JSON?.none
            }
            let expected: JSONObject = [
                "executorId": "sim-1", "baseUrl": .string(service.servers[0].url), "pendingCount": 2,
                "queueMaxSize": .null, "supported": true, "message": .null,
            ]
            for (key, value) in expected { #expect(status[key] == value, "\(key)") }
            #expect(status["raw"]?["queue_pending"]?.arrayValue?.count == 2)
            let short = try await service.get("/queue-status?executorId=sim-1&raw=false")
            #expect(short.json["raw"] == .null && short.json["pendingCount"] == 2)

            try await eventually("the other runs too") {
                try await service.get("/queue-status?executorId=sim-2").json["runningCount"] == 1
            }
            let start = ContinuousClock.now
            let summary = try await service.get("/queue-summary")
            #expect(ContinuousClock.now - start < .seconds(6) * Places.patience, "one is not there")
            #expect(summary.status == 200, "\(summary)")
            for (key, value) in ["totalRunning": 2, "totalPending": 2, "totalCount": 4] as JSONObject {
                #expect(summary.json[key] == value, "\(key)")
            }
            #expect(summary.json["timestamp"]?.stringValue?.hasSuffix("Z") == true)
            let servers = try #require(summary.json["servers"]?.arrayValue)
            #expect(servers.map { $0["executorId"]?.stringValue } == CatalogService.ids)
            #expect(servers.map { $0["supported"] } == [false, true, true])
            #expect(servers.map { $0["message"] } == ["COMFYUI_QUEUE_STATUS_ERROR", .null, .null])
            #expect(servers.map { $0["pendingCount"] } == [0, 2, 0])
            #expect(servers.allSatisfy { $0["raw"] == .null })
            for query in ["executorIds=sim-2,dead,unheard", "executorIds=sim-2&executorIds=dead&executorIds=strange"] {
                let some = try await service.get("/queue-summary?" + query)
                #expect(some.json["servers"]?.arrayValue?.map { $0["executorId"] } == ["dead", "sim-2"])
                #expect(some.json["totalCount"] == 1)
            }
        }
    }

    @Test("GET /servers: what executorId may name", arguments: ServerSource.allCases)
    func servers(_ source: ServerSource) async throws {
        try await withCatalogs(source) { service in
            let answer = try await service.get("/servers")
            #expect(answer.status == 200, "\(answer)")
            let items = try #require(answer.json["items"]?.arrayValue)
            // Without a gateway the daemon's one server can be named too.
            let active = items.filter { $0["active"] == true && $0["executorId"] != "default" }
            #expect(items.contains { $0["executorId"] == "default" } == (source == .executors))
            #expect(active.compactMap { $0["executorId"]?.stringValue } == CatalogService.ids)
            #expect(
                active.map { $0["source"] } == .init(repeating: source == .gateway ? "worker" : "executor", count: 3))
            #expect(
                active.map { $0["baseUrl"] }
                    == ([CatalogService.nobody] + service.servers.map(\.url)).map { .string($0) })
            #expect(items.allSatisfy { $0["sync_role"] == .null && $0["last_sync_at"] == .null })
        }
    }

    @Test("GET /loras?executorId=: what is installed, and what no row knows", arguments: ServerSource.allCases)
    func loras(_ source: ServerSource) async throws {
        try await withCatalogs(source) { service in
            for name in ["杯子1124.safetensors", "sub/deep.safetensors", "nowhere.safetensors"] {
                let row: JSON = ["file_name": .string(name), "display_name": .string(name)]
                #expect(try await service.post("/loras", row).status == 200)
            }
            let first = try await service.get("/loras?executorId=sim-1&q=sub")
            #expect(first.status == 200, "\(first)")
            #expect(first.json["executorId"] == "sim-1")
            #expect(first.json["baseUrl"] == .string(service.servers[0].url))
            #expect(first.json["installedFiles"]?.arrayValue?.count == 3)
            #expect(first.json["untrackedFiles"] == ["unknown.safetensors"], "rows that q leaves out count")
            #expect(first.json["items"]?.arrayValue?.map { $0["installed"] } == [true], "\\ and / are alike")
            let second = try await service.get("/loras?executorId=sim-2&includeUntracked=false")
            #expect(second.json["untrackedFiles"] == .null)
            #expect(second.json["items"]?.arrayValue?.map { $0["installed"] } == [false, false, true])

            let plain = try await service.get("/loras")
            #expect(plain.json["items"]?.arrayValue?.map { $0["installed"] } == [.null, .null, .null])
            for name in ["executorId", "baseUrl", "installedFiles", "untrackedFiles"] {
                #expect(plain.json[name] == .null, "\(name)")
            }

            // A server that is not there never reads as one that has nothing.
            for (id, code) in [("dead", "COMFYUI_OBJECT_INFO_ERROR"), ("unheard", "EXECUTOR_NOT_FOUND")] {
                let answer = try await service.get("/loras?executorId=\(id)")
                #expect(answer.status == 200, "\(answer)")
                #expect(answer.json["executorError"] == .string(code))
                #expect(answer.json["installedFiles"] == .null && answer.json["untrackedFiles"] == .null)
                #expect(answer.json["items"]?.arrayValue?.map { $0["installed"] } == [.null, .null, .null])
            }
        }
    }

    @Test("the one server of comfyui.base_url is default")
    func single() async throws {
        try await withServers(
            1, settings: "", plugins: [(name: "catalogs", lines: "")], top: "", in: nil, environment: [:]
        ) { service in
            let answer = try await service.daemon.sendCatalogs("GET", "/models?executorId=default")
            #expect(answer.status == 200, "\(answer)")
            #expect(answer.json["models"]?["lora"] == ["simulated-lora.safetensors"])
            let summary = try await service.daemon.sendCatalogs("GET", "/queue-summary")
            #expect(summary.json["servers"]?.arrayValue?.map { $0["executorId"] } == ["default"])
        }
    }
}
