import PluginAPI
import Testing

/// The requests of seed 000 §1–4, each with the answers described for it.
@Suite("the catalogs")
struct CatalogTests {
    private static let configuration = "plugins: { catalogs: {} }"

    /// A catalog with the seed's own row.
    struct Catalog: Sendable, CustomTestStringConvertible {
        let path: String
        let body: JSONObject
        /// The fields of a row beside those of the body, with what they are at first.
        let others: JSONObject
        /// A field that makes the row, and whether a PUT may change it.
        let key: (name: String, isFixed: Bool)
        var testDescription: String { path }
    }

    static let catalogs = [
        Catalog(
            path: "/loras",
            body: [
                "file_name": "杯子1124.safetensors", "display_name": "杯子印花 LoRA",
                "base_models": ["qwen_image_edit_2509"], "tags": ["cup"], "status": "active",
            ],
            others: [
                "description": .null, "base_model": "qwen_image_edit_2509", "trigger_words": .null, "installed": .null,
            ], key: ("file_name", true)),
        Catalog(
            path: "/model-catalog",
            body: [
                "file_name": "qwen_image_edit_2509_fp8_e4m3fn.safetensors", "display_name": "Qwen Image Edit 2509",
                "model_type": "unet", "source_url": "https://huggingface.co/Qwen/Qwen-Image-Edit-2509",
                "download_url": "https://mirror.example/qwen_image_edit_2509_fp8_e4m3fn.safetensors",
            ], others: ["description": .null, "tags": .null, "status": "active"], key: ("file_name", false)),
        Catalog(
            path: "/plugin-catalog",
            body: [
                "node_key": "CR Text", "display_name": "CR Text", "package_name": "ComfyUI_Comfyroll_CustomNodes",
                "version": "d78b780", "source_url": "https://github.com/Suzie1/ComfyUI_Comfyroll_CustomNodes",
                "download_url": "https://mirror.example/comfyroll.zip",
            ], others: ["description": .null, "tags": .null, "status": "active"], key: ("node_key", false)),
        Catalog(
            path: "/version-catalog",
            body: [
                "version": "v0.3.64", "commit_sha": "abc", "repo_url": "https://github.com/comfyanonymous/ComfyUI",
                "source_url": "https://github.com/comfyanonymous/ComfyUI/tree/v0.3.64",
                "download_url": "https://mirror.example/v0.3.64.zip", "released_at": "2026-02-05T22:40:00.000Z",
            ], others: ["notes": .null, "status": "active"], key: ("version", true)),
    ]

    @Test("rows are added, found, changed and deleted", arguments: catalogs)
    func rows(_ catalog: Catalog) async throws {
        try await withDaemon(Self.configuration) { daemon in
            #expect(try await daemon.sendCatalogs("GET", catalog.path).json["items"] == [])
            let added = try await daemon.sendCatalogs("POST", catalog.path, .object(catalog.body))
            #expect(added.status == 200, "\(added)")
            var expected = catalog.body
            for (name, value) in catalog.others { expected[name] = value }
            for (name, value) in expected { #expect(added.json[name] == value, "\(name)") }
            #expect(
                Set(added.json.objectValue?.keys ?? []) == Set(expected.keys + ["id", "created_at", "updated_at"]))
            for name in ["created_at", "updated_at"] { #expect(added.json[name]?.stringValue?.hasSuffix("Z") == true) }
            let id = try #require(added.json["id"]?.intValue)

            // The same key again is the same row; what is not named stays.
            let keys: Set = ["file_name", "node_key", "version", "model_type"]
            var again = JSONObject(catalog.body.filter { keys.contains($0.key) }.map { ($0.key, $0.value) })
            again["display_name"] = "再来"
            again["status"] = "inactive"
            let upserted = try await daemon.sendCatalogs("POST", catalog.path, .object(again))
            #expect(upserted.json["id"]?.intValue == id && upserted.json["status"] == "inactive", "\(upserted)")
            #expect(upserted.json["source_url"] == catalog.body["source_url"])

            let other = catalog.path == "/version-catalog" ? "v0.3.65" : "other.safetensors"
            let changed = try await daemon.sendCatalogs(
                "PUT", "\(catalog.path)/\(id)", [catalog.key.name: .string(other), "status": "active"])
            #expect(changed.status == 200, "\(changed)")
            #expect(changed.json["status"] == "active")
            #expect(
                changed.json[catalog.key.name]
                    == (catalog.key.isFixed ? catalog.body[catalog.key.name] : .string(other)))

            let list = try await daemon.sendCatalogs("GET", catalog.path)
            #expect(list.json["items"]?.arrayValue?.count == 1 && list.json["items"]?[0]?["id"]?.intValue == id)
            let audit = try await daemon.sendCatalogs("GET", "/audit?subject=\(catalog.path.dropFirst())")
            #expect(
                audit.json["items"]?.arrayValue?.map { $0["action"] } == ["update", "update", "create"], "\(audit)")

            let deleted = try await daemon.sendCatalogs("DELETE", "\(catalog.path)/\(id)")
            #expect(deleted.status == 200)
            #expect(deleted.json == ["status": "deleted"])
            #expect(try await daemon.sendCatalogs("GET", catalog.path).json["items"] == [])
            for method in ["PUT", "DELETE"] {
                let gone = try await daemon.sendCatalogs(method, "\(catalog.path)/\(id)", [:])
                #expect(gone.status == 404 && gone.json["detail"] == "NOT_FOUND", "\(gone)")
            }
        }
    }

    @Test("a list has the last changed row first, and is given in pages on request")
    func list() async throws {
        try await withDaemon(Self.configuration) { daemon in
            for name in ["a", "b", "c"] {
                let body: JSON = ["file_name": .string("\(name).safetensors"), "display_name": .string(name)]
                #expect(try await daemon.sendCatalogs("POST", "/loras", body).status == 200)
            }
            #expect(try await daemon.sendCatalogs("PUT", "/loras/1", ["description": "again"]).status == 200)
            let list = try await daemon.sendCatalogs("GET", "/loras")
            #expect(list.json["items"]?.arrayValue?.map { $0["display_name"] } == ["a", "c", "b"])
            let page = try await daemon.sendCatalogs("GET", "/loras?q=SAFE&limit=1&offset=1")
            #expect(page.json["items"]?.arrayValue?.map { $0["display_name"] } == ["c"])
        }
    }

    @Test("rows and their story survive a crash of the daemon")
    func durable() async throws {
        let directory = try TemporaryDirectory()
        try await withDaemon(Self.configuration, in: directory) { daemon in
            for catalog in Self.catalogs {
                #expect(
                    try await daemon.sendCatalogs("POST", catalog.path, .object(catalog.body)).status == 200)
            }
            try await daemon.crash()
        }
        try await withDaemon(Self.configuration, in: directory) { daemon in
            for catalog in Self.catalogs {
                let items = try await daemon.sendCatalogs("GET", catalog.path).json["items"]?.arrayValue
                #expect(items?.map { $0[catalog.key.name] } == [catalog.body[catalog.key.name]])
            }
            #expect(try await daemon.sendCatalogs("GET", "/audit").json["items"]?.arrayValue?.count == 4)
        }
    }
}
