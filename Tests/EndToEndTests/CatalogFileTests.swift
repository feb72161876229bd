import PluginAPI
import Testing

/// Whole catalogs as files.
@Suite("import and export of catalogs")
struct CatalogFileTests {
    private static let configuration = "plugins: { catalogs: {} }"

    private func takeIn(
        _ daemon: DaemonProcess, _ path: String, _ type: String, _ body: [UInt8]
    ) async throws -> HTTPAnswer {
        let answer = try await daemon.admin.send(
            "POST", "/api/admin/comfyui" + path, [("Content-Type", type)], body: body)
        #expect(answer.status == 200, "\(answer)")
        return answer
    }

    @Test("what one daemon exports another one has after the import", arguments: ["jsonl", "csv"])
    func exchange(_ format: String) async throws {
        let rows = (1...1200).map { number -> JSON in
            [
                "file_name": .string("文件 \(number).safetensors"),
                "display_name": .string("\"name\", \(number)\nsecond line"),
                "tags": number % 2 == 0 ? ["a;b", "c"] : .null, "status": number % 3 == 0 ? "inactive" : "active",
            ]
        }
        let lines = rows.map { $0.text() }.joined(separator: "\n")
        let type = format == "csv" ? "text/csv" : "application/jsonl"
        var exported: HTTPAnswer?
        try await withDaemon(Self.configuration) { daemon in
            let report = try await takeIn(daemon, "/loras/import", "application/x-ndjson", Array(lines.utf8))
            #expect(report.json["new"] == 1200 && report.json["skipped"] == 0, "\(report)")
            let changes = try await daemon.sendCatalogs(
                "GET", "/audit?limit=1000&request_id=\(report["x-request-id"] ?? "")")
            #expect(changes.json["items"]?.arrayValue?.count == 1000)
            exported = try await daemon.sendCatalogs("GET", "/loras/export?format=\(format)")
        }
        let file = try #require(exported)
        #expect(file["content-type"]?.hasPrefix(type) == true && file["content-disposition"] != nil, "\(file.fields)")
        try await withDaemon(Self.configuration) { daemon in
            let trial = try await takeIn(daemon, "/loras/import?dry_run=true", type, file.body)
            #expect(trial.json["new"] == 1200 && trial.json["dry_run"] == true)
            #expect(try await daemon.sendCatalogs("GET", "/loras").json["items"] == [])
            #expect(try await takeIn(daemon, "/loras/import", type, file.body).json["new"] == 1200)
            #expect(try await takeIn(daemon, "/loras/import", type, file.body).json["unchanged"] == 1200)
            let items = try await daemon.sendCatalogs("GET", "/loras?limit=2").json["items"]
            #expect(items?[0]?["tags"] == ["a;b", "c"], "\(String(describing: items))")
            #expect(items?[0]?["display_name"] == "\"name\", 1200\nsecond line")
            #expect(items?[1]?["tags"] == .null)
        }
    }

    @Test("one wrong row is told with its line, the rest is taken")
    func problems() async throws {
        try await withDaemon(Self.configuration) { daemon in
            let lines = #"{"version": "v1"}"# + "\n[]\n" + #"{"version": 5}"# + "\n" + #"{"version": "v2"}"#
            let report = try await takeIn(
                daemon, "/version-catalog/import?format=jsonl", "text/plain", Array(lines.utf8))
            #expect(["rows", "new", "skipped"].map { report.json[$0] } == [4, 2, 2], "\(report)")
            #expect(report.json["problems"]?.arrayValue?.map { $0["line"] } == [2, 3])
        }
    }

    @Test("ComfyUI-Manager's lists tell where what a server lacks comes from")
    func manager() async throws {
        let repository = "https://github.com/Suzie1/ComfyUI_Comfyroll_CustomNodes"
        let nodes: JSON = [
            repository: [["CR Text", "CR Image"], ["title_aux": "Comfyroll Studio"]],
            "https://github.com/kijai/ComfyUI-KJNodes": [["KSampler KJ"], ["title_aux": "KJNodes"]],
        ]
        let list: JSON = [
            "custom_nodes": [
                [
                    "author": "Suzie1", "title": "Comfyroll Studio", "reference": .string(repository),
                    "files": [.string(repository)], "install_type": "git-clone", "description": "175 nodes.",
                ]
            ]
        ]
        let models: JSON = [
            "models": [
                [
                    "name": "Qwen Image Edit", "type": "diffusion_model", "base": "Qwen",
                    "save_path": "diffusion_models",
                    "description": "Edits.", "reference": "https://huggingface.co/Comfy-Org/Qwen-Image-Edit_ComfyUI",
                    "filename": "qwen_image_edit_2509_fp8_e4m3fn.safetensors",
                    "url": "https://huggingface.co/qwen.safetensors", "size": "20GB",
                ]
            ]
        ]
        try await withCatalogs(.executors) { service in
            let format = "/import?format=comfyui-manager"
            let files = [
                ("/plugin-catalog", nodes, "new", 3), ("/plugin-catalog", list, "changed", 2),
                ("/model-catalog", models, "new", 1), ("/plugin-catalog", nodes, "unchanged", 3),
            ]
            for (catalog, file, count, expected) in files {
                let report = try await takeIn(
                    service.daemon, catalog + format, "application/json", file.serialized())
                #expect(report.json[count]?.intValue == expected, "\(catalog): \(report)")
            }
            let answer = try await service.post(
                "/server-diff", ["baseline_executor_id": "sim-1", "executorIds": ["sim-2"]])
            let servers = answer.json["payload"]?["servers"]?.arrayValue ?? []
            let second = try #require(servers.first { $0["server"]?["id"] == "sim-2" }, "\(answer)")
            let repositories = second["missing_repo_groups"]?["repos"]?.arrayValue ?? []
            #expect(Set(repositories.compactMap { $0["nodes"] }) == [["CR Image", "CR Text"], ["KSampler KJ"]])
            let model = second["missing_details"]?["unet"]?[0]
            #expect(model?["display_name"] == "Qwen Image Edit", "\(second)")
            #expect(model?["download_url"] == "https://huggingface.co/qwen.safetensors")
        }
    }
}
