import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// `/server-diff` without a snapshot: the daemon asks the servers itself.
@Suite struct ComputedDiffTests {
    @Test("two servers that differ and one that is dead are compared, joined with the catalogs, stored and marked")
    func computed() async throws {
        try await withServers { rig in
            try await fillCatalogs(rig)
            let answer = await rig.send(.post, "/server-diff", ["baseline_executor_id": "a", "payload": ["note": "n"]])
            #expect(answer.status == .ok)
            let payload = answer.json?["payload"]
            #expect(payload?["note"] == "n")
            #expect(payload?["baseline"] == ["id": "a", "name": "Server a", "baseUrl": "http://a:8188"])
            #expect(payload?["servers"]?.arrayValue?.map { $0["server"]?["id"] } == ["a", "b", "dead"])

            let same = payload?["servers"]?[0]
            #expect(same?["isBaseline"] == true)
            #expect(same?["missing"]?["nodes"] == [])

            let other = payload?["servers"]?[1]
            #expect(other?["missing"]?["unet"] == ["dir/big.safetensors"])
            #expect(other?["missing"]?["clip"] == [])
            #expect(other?["missing"]?["lora"] == ["cup.safetensors", "known.safetensors"])
            #expect(other?["missing"]?["nodes"] == ["Extra", "KSampler", "Third"])
            #expect(other?["missing"]?["checkpoints"] == ["sd15.safetensors"])
            #expect(
                other?["missing_details"]?["unet"] == [
                    [
                        "name": "dir/big.safetensors", "display_name": "Big", "source_url": "https://s/big",
                        "download_url": "https://d/big",
                    ]
                ])
            #expect(other?["missing_details"]?["lora"]?[0]?["display_name"] == "Cup")
            #expect(other?["missing_details"]?["lora"]?[1]?["download_url"] == "https://d/known")
            #expect(other?["missing_details"]?["checkpoints"]?[0]?["display_name"] == "SD 1.5")
            #expect(
                other?["missing_repo_groups"] == [
                    "repos": [
                        [
                            "repo": "https://github.com/Acme/Pack", "source_url": "https://github.com/Acme/Pack.git",
                            "download_url": nil, "nodes": ["Extra", "Third"],
                        ]
                    ], "missingRepoNodes": ["KSampler"],
                ])
            #expect(other?["totals"]?["nodes"] == 5)
            #expect(other?["error"] == .null)

            let dead = payload?["servers"]?[2]
            #expect(dead?["error"] == "COMFYUI_OBJECT_INFO_ERROR")
            #expect(dead?["missing"] == .null)

            #expect(await rig.send(.get, "/server-diff").json == .array([answer.json ?? .null]))
            let marks = try await rig.marks
            #expect(marks["a"]?.role == .master)
            #expect(marks["a"]?.lastSyncAt == rig.host.clock.wallClock)
            #expect(marks["b"] == ServerMark(role: .worker, lastSyncAt: nil))
            #expect(marks["dead"] == ServerMark(role: .worker, lastSyncAt: nil))
            let changes = try await rig.audit("server-mark")
            #expect(changes == ["create", "create", "create"])
        }
    }

    @Test("servers are asked anew for each snapshot, and what they got counts")
    func refreshed() async throws {
        try await withServers { rig in
            rig.host.client.answer(answering(["b": contents(unet: ["small.safetensors"])]))
            _ = await rig.send(.post, "/server-diff", ["baseline_executor_id": "b"])
            let first = rig.host.clock.wallClock
            let before = try await rig.marks["a"]
            #expect(before == ServerMark(role: .worker, lastSyncAt: first))
            rig.host.clock.advance(by: .seconds(1))
            rig.host.client.answer(answering(["b": contents(nodes: ["Fresh"])]))
            _ = await rig.send(.post, "/server-diff", ["baseline_executor_id": "b", "executorIds": ["a"]])
            let marks = try await rig.marks
            #expect(marks["a"] == ServerMark(role: .worker, lastSyncAt: first))
            #expect(marks["b"] == ServerMark(role: .master, lastSyncAt: rig.host.clock.wallClock))
            let list = await rig.send(.get, "/server-diff?limit=1")
            #expect(list.json?[0]?["payload"]?["servers"]?[0]?["missing"]?["nodes"] == ["Fresh"])
        }
    }

    @Test("the baseline must be known, be a ComfyUI server with an address, and answer")
    func baseline() async throws {
        try await withServers { rig in
            for (id, status, code) in [
                ("nobody", Status.notFound, "EXECUTOR_NOT_FOUND"), ("other", .badRequest, "EXECUTOR_TYPE_NOT_COMFYUI"),
                ("bare", .badRequest, "COMFYUI_BASE_URL_MISSING"), ("dead", .badGateway, "COMFYUI_OBJECT_INFO_ERROR"),
                ("odd", .badGateway, "COMFYUI_OBJECT_INFO_INVALID"),
            ] {
                let answer = await rig.send(.post, "/server-diff", ["baseline_executor_id": .string(id)])
                #expect(answer.status == status)
                #expect(answer.json?["detail"] == .string(code))
            }
            #expect(await rig.send(.get, "/server-diff").json == [])
            let marks = try await rig.marks
            #expect(marks.isEmpty)
        }
    }

    @Test("executorIds narrows; what nobody knows is refused, and a disabled server can be named")
    func narrowed() async throws {
        try await withServers { rig in
            func ids(_ list: JSON) async -> [JSON?]? {
                let answer = await rig.send(.post, "/server-diff", ["baseline_executor_id": "b", "executorIds": list])
                return answer.json?["payload"]?["servers"]?.arrayValue?.map { $0["server"]?["id"] }
            }
            #expect(await ids(["off", "b", "off"]) == ["b", "off"])
            #expect(await ids([]) == ["b"])
            #expect(await ids(nil)?.count == 3)
            let unknown = await rig.send(
                .post, "/server-diff", ["baseline_executor_id": "b", "executorIds": ["nobody"]])
            #expect(unknown.status == .notFound)
        }
    }

    @Test("a console's snapshot marks the servers that are known")
    func storedMarks() async throws {
        try await withServers { rig in
            let empty: JSON = ["unet": [], "clip": [], "vae": [], "lora": [], "nodes": []]
            let servers: JSON = [
                ["server": ["id": "a"], "missing": empty], ["server": ["id": "b"], "missing": empty],
                ["server": ["id": "nobody"], "missing": empty], ["server": ["id": "off"], "missing": ["unet": []]],
            ]
            let answer = await rig.send(
                .post, "/server-diff", ["baseline_executor_id": "a", "payload": ["servers": servers]])
            #expect(answer.status == .ok)
            #expect(answer.json?["payload"] == ["servers": servers])
            let now = rig.host.clock.wallClock
            let marks = try await rig.marks
            #expect(
                marks == [
                    "a": ServerMark(role: .master, lastSyncAt: now), "b": ServerMark(role: .worker, lastSyncAt: now),
                    "off": ServerMark(role: .worker, lastSyncAt: nil),
                ])
            #expect(rig.host.client.requests.isEmpty)
        }
    }

    @Test("a caller who goes away leaves no snapshot")
    func cancelled() async throws {
        try await withServers { rig in
            let answers = answering()
            let (asked, ask) = AsyncStream<Void>.makeStream()
            let (gate, opening) = AsyncStream<Void>.makeStream()
            rig.host.client.answer { request in
                guard request.url.hasPrefix("http://b:") else { return try await answers(request) }
                ask.yield()
                for await _ in gate {}
                throw StubHTTPClient.refused(request)
            }
            let request = Task { await rig.send(.post, "/server-diff", ["baseline_executor_id": "a"]) }
            for await _ in asked { break }
            request.cancel()
            opening.finish()
            _ = await request.value
            #expect(await rig.send(.get, "/server-diff").json == [])
            let marks = try await rig.marks
            #expect(marks.isEmpty)
        }
    }

    // MARK: - Servers

    private func contents(
        unet: [String] = [], lora: [String] = [], checkpoints: [String] = [], nodes: [String] = []
    ) -> JSON {
        func loader(_ input: String, _ files: [String]) -> JSON {
            ["input": ["required": [input: [.array(files.map { .string($0) })]]]]
        }
        var object: JSONObject = [
            "UNETLoader": loader("unet_name", unet), "LoraLoaderModelOnly": loader("lora_name", lora),
            "CheckpointLoaderSimple": loader("ckpt_name", checkpoints),
        ]
        for node in nodes { object[node] = ["input": [:]] }
        return .object(object)
    }

    private func answering(_ changed: [String: JSON] = [:]) -> StubHTTPClient.Handler {
        let servers: [String: JSON] = [
            "a": contents(
                unet: ["dir/big.safetensors", "small.safetensors"], lora: ["cup.safetensors", "known.safetensors"],
                checkpoints: ["sd15.safetensors"], nodes: ["KSampler", "Extra", "Third"]),
            "b": contents(unet: ["small.safetensors"], nodes: ["VAEDecode", "Own"]), "off": contents(), "odd": 5,
        ].merging(changed) { $1 }
        return { request in
            let host = request.url.drop { $0 != "/" }.dropFirst(2).prefix { $0 != ":" }
            guard request.url.hasSuffix("/object_info"), let answer = servers[String(host)] else {
                throw StubHTTPClient.refused(request)
            }
            return .json(answer)
        }
    }

    private func withServers(_ body: (CatalogsRig) async throws -> Void) async throws {
        func executor(_ id: String, _ more: JSONObject = [:]) -> JSON {
            var entry: JSONObject = ["id": .string(id), "name": .string("Server \(id)")]
            entry["base_url"] = .string("http://\(id):8188")
            for (key, value) in more { entry[key] = value }
            return .object(entry)
        }
        let executors: JSON = [
            executor("dead"), executor("b"), executor("a"), executor("off", ["status": "inactive"]),
            executor("odd", ["status": "inactive"]), executor("other", ["type": "webui"]),
            executor("bare", ["base_url": ""]), executor("default", ["status": "inactive"]),
        ]
        try await withCatalogs(configuration: ["executors": executors]) { rig in
            rig.host.client.answer(answering())
            try await body(rig)
        }
    }

    private func fillCatalogs(_ rig: CatalogsRig) async throws {
        func add(_ catalog: String, _ row: JSON) async {
            #expect(await rig.send(.post, "/\(catalog)", row).status == .ok)
        }
        func model(_ type: String, _ file: String, _ name: String, _ address: String) -> JSON {
            [
                "model_type": .string(type), "file_name": .string(file), "display_name": .string(name),
                "source_url": .string("https://s/\(address)"), "download_url": .string("https://d/\(address)"),
            ]
        }
        await add("model-catalog", model("diffusion_models", "dir\\big.safetensors", "Wrong", "wrong"))
        await add("model-catalog", model("UNET", "dir\\big.safetensors", "Big", "big"))
        await add("model-catalog", model("vae", "cup.safetensors", "No LoRA", "vae"))
        await add("model-catalog", model("lora", "known.safetensors", "Known", "known"))
        await add("model-catalog", model("checkpoint", "sd15.safetensors", "SD 1.5", "sd15"))
        await add("loras", ["file_name": "cup.safetensors", "display_name": "Cup"])
        await add("loras", ["file_name": "known.safetensors", "display_name": "Less known"])
        for node in ["Extra", "Third"] {
            let address = "https://github.com/Acme/Pack" + (node == "Extra" ? ".git" : "")
            await add(
                "plugin-catalog",
                ["node_key": .string(node), "display_name": .string(node), "source_url": .string(address)])
        }
    }
}

extension CatalogsRig {
    /// The marks of all servers.
    var marks: [String: ServerMark] {
        get async throws { try await ServerMarkStore(database: host.context.database).all() }
    }
}
