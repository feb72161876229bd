import PluginAPI
import Testing

/// `server-diff` of seed 000 §5, over two servers that differ and one that is not there.
@Suite("differences between servers")
struct CatalogDiffTests {
    private static let repository = "https://github.com/Suzie1/ComfyUI_Comfyroll_CustomNodes"

    @Test("the daemon compares all servers itself, and keeps what it found", arguments: ServerSource.allCases)
    func computed(_ source: ServerSource) async throws {
        try await withCatalogs(source) { service in
            for catalog in CatalogTests.catalogs {
                #expect(try await service.post(catalog.path, .object(catalog.body)).status == 200)
            }
            let spelling: JSON = [
                "node_key": "CR Image", "display_name": "CR Image", "source_url": .string(Self.repository + ".git"),
            ]
            #expect(try await service.post("/plugin-catalog", spelling).status == 200)

            let answer = try await service.post("/server-diff", ["baseline_executor_id": "sim-1"])
            #expect(answer.status == 200, "\(answer)")
            #expect(answer.json["baseline_executor_id"] == "sim-1")
            let payload = try #require(answer.json["payload"])
            #expect(payload["baseline"]?["baseUrl"] == .string(service.servers[0].url))
            let servers = try #require(payload["servers"]?.arrayValue)
            #expect(Set(servers.compactMap { $0["server"]?["id"]?.stringValue }) == Set(CatalogService.ids))

            let first = try #require(servers.first { $0["server"]?["id"] == "sim-1" })
            #expect(first["isBaseline"] == true && first["missing"]?["nodes"] == [])
            let second = try #require(servers.first { $0["server"]?["id"] == "sim-2" })
            #expect(second["isBaseline"] == false && second["error"] == .null)
            let missing = try #require(second["missing"])
            #expect(missing["unet"] == ["qwen_image_edit_2509_fp8_e4m3fn.safetensors"], "\(missing)")
            #expect(missing["clip"] == [] && missing["vae"] == [])
            #expect(Set(missing["lora"]?.arrayValue ?? []) == ["unknown.safetensors", "sub\\deep.safetensors"])
            #expect(missing["nodes"] == ["CR Image", "CR Text", "KSampler KJ", "LabText"])
            #expect(
                second["missing_details"]?["unet"]?[0] == [
                    "name": "qwen_image_edit_2509_fp8_e4m3fn.safetensors", "display_name": "Qwen Image Edit 2509",
                    "source_url": "https://huggingface.co/Qwen/Qwen-Image-Edit-2509",
                    "download_url": "https://mirror.example/qwen_image_edit_2509_fp8_e4m3fn.safetensors",
                ])
            let groups = second["missing_repo_groups"]
            #expect(groups?["repos"]?.arrayValue?.map { $0["nodes"] } == [["CR Image", "CR Text"]], "\(second)")
            #expect(groups?["missingRepoNodes"] == ["KSampler KJ", "LabText"])

            let dead = try #require(servers.first { $0["server"]?["id"] == "dead" })
            #expect(dead["error"] == "COMFYUI_OBJECT_INFO_ERROR")
            #expect(dead["missing"] == .null, "never as if nothing were missing")

            let list = try await service.get("/server-diff")
            #expect(list.json.arrayValue?.map { $0["id"] } == [answer.json["id"]])
            #expect(list.json[0]?["payload"] == payload)
        }
    }

    @Test("what a console compared is kept as it came, newest first, also through a crash")
    func stored() async throws {
        let directory = try TemporaryDirectory()
        let configuration = "plugins: { catalogs: { executors: [{ id: a, base_url: \"\(CatalogService.nobody)\" }] } }"
        let empty: JSON = ["unet": [], "clip": [], "vae": [], "lora": [], "nodes": []]
        let payload: JSON = [
            "generatedAt": "2026-02-05T22:40:00Z",
            "servers": [["server": ["id": "a"], "missing": empty, "own": [1.0]]],
        ]
        try await withDaemon(configuration, in: directory) { daemon in
            for _ in 0..<3 {
                let answer = try await daemon.sendCatalogs(
                    "POST", "/server-diff", ["baseline_executor_id": "elsewhere", "payload": payload])
                #expect(answer.status == 200, "\(answer)")
                #expect(answer.json["payload"] == payload)
            }
            try await daemon.crash()
        }
        try await withDaemon(configuration, in: directory) { daemon in
            let list = try await daemon.sendCatalogs("GET", "/server-diff?limit=2")
            #expect(list.json.arrayValue?.map { $0["id"] } == [3, 2], "\(list)")
            #expect(list.json[0]?["payload"] == payload)
            #expect(list.json[0]?["created_at"]?.stringValue?.hasSuffix("Z") == true)
        }
    }
}
