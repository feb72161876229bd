import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// ComfyUI-Manager's lists, in the shapes that its repository has.
@Suite struct ManagerListTests {
    /// An entry of `model-list.json`, with some keys changed.
    private static func model(_ changes: JSONObject) -> JSON {
        var entry: JSONObject = [
            "name": "TAEF1 Decoder", "type": "TAESD", "base": "FLUX.1", "save_path": "vae_approx",
            "description": "For previews in high quality.", "reference": "https://github.com/madebyollin/taesd",
            "filename": "taef1_decoder.pth",
            "url": "https://github.com/madebyollin/taesd/raw/main/taef1_decoder.pth", "size": "4.71MB",
        ]
        for (name, value) in changes { entry[name] = value }
        return .object(entry)
    }

    private static func models(_ entries: [JSON]) -> String { JSON.object(["models": .array(entries)]).text() }

    @Test("a model gets the name that loaders show, its kind and its addresses")
    func model() async throws {
        try await withCatalogs { rig in
            let report = await rig.takeIn("model-catalog", "format=comfyui-manager", Self.models([Self.model([:])]))
            #expect(report.counts == Counts(rows: 1, new: 1))
            #expect(report.json?["existing"] == "fill")
            let now = try await rig.rows("model-catalog")
            #expect(
                now.first == [
                    "file_name": "taef1_decoder.pth", "display_name": "TAEF1 Decoder", "model_type": "vae_approx",
                    "description": "For previews in high quality.",
                    "source_url": "https://github.com/madebyollin/taesd",
                    "download_url": "https://github.com/madebyollin/taesd/raw/main/taef1_decoder.pth",
                    "tags": ["FLUX.1"], "status": "active",
                ])
        }
    }

    @Test(
        "where a model is saved says its kind and its name",
        arguments: [
            ("checkpoint", "checkpoints/SD1.5", "checkpoints", "SD1.5/f.pt"),
            ("checkpoint", "default", "checkpoints", "f.pt"),
            ("unclip", "default", "checkpoints", "f.pt"),
            ("diffusion_model", "diffusion_models/FLUX1", "unet", "FLUX1/f.pt"),
            ("unet", "unet", "unet", "f.pt"), ("clip", "text_encoders/t5", "clip", "t5/f.pt"),
            ("clip", "default", "clip", "f.pt"),
            ("clip", "clip", "clip", "f.pt"), ("VAE", "default", "vae", "f.pt"),
            ("VAE", "vae/SDXL", "vae", "SDXL/f.pt"),
            ("lora", "loras/HyperSD/SD15", "lora", "HyperSD/SD15/f.pt"),
            ("controlnet", "controlnet/SDXL/", "controlnet", "SDXL/f.pt"),
            ("T2I-Adapter", "default", "controlnet", "f.pt"), ("upscale", "default", "upscale_models", "f.pt"),
            ("embedding", "embeddings/SD1.5", "embeddings", "SD1.5/f.pt"), ("sam", "sams", "sams", "f.pt"),
            ("Ultralytics", "ultralytics/bbox", "ultralytics", "bbox/f.pt"), ("new kind", "default", "other", "f.pt"),
            ("T2I-Adapter", "t2i_adapter", "controlnet", "f.pt"),
            ("lora", "xlabs/loras", "xlabs", "loras/f.pt"),
        ])
    func places(_ type: String, _ savePath: String, _ modelType: String, _ name: String) throws {
        let place = try ModelPlace(type: type, savePath: savePath, file: "f.pt")
        #expect(place.modelType == modelType)
        #expect(place.fileName == name)
    }

    @Test("entries that are no file in a folder of models")
    func wrongModels() async throws {
        try await withCatalogs { rig in
            let entries = [
                Self.model(["filename": "<huggingface>"]), Self.model(["filename": "../a.pt"]),
                Self.model(["filename": .null]),
                Self.model(["save_path": "../../etc"]), Self.model(["save_path": "/etc"]),
                Self.model(["save_path": "a\\b"]),
                "text", Self.model(["reference": "deepseek-ai/Janus"]), Self.model(["name": 7]),
                Self.model(["name": .string(String(repeating: "é", count: 300))]), Self.model(["base": "again"]),
            ]
            let report = await rig.takeIn("model-catalog", "format=comfyui-manager", Self.models(entries))
            #expect(report.counts == Counts(rows: 11, new: 1, skipped: 10))
            let folder = "save_path: Input should be a folder below models."
            #expect(
                report.reasons == [
                    "1 <huggingface>: It is a whole repository (<huggingface>), not a file.",
                    "2 ../a.pt: filename: Input should be a file name.", "3 : filename: Input should be a file name.",
                    "4 taef1_decoder.pth: \(folder)", "5 taef1_decoder.pth: \(folder)",
                    "6 taef1_decoder.pth: \(folder)",
                    "7 : The entry is no JSON object.",
                    "8 vae_approx/taef1_decoder.pth: source_url: Input should be an address such as https://example.com/file",
                    "9 vae_approx/taef1_decoder.pth: display_name: Input should be a valid string",
                    "11 vae_approx/taef1_decoder.pth: The key is already in entry 10.",
                ])
            let stored = try await rig.rows("model-catalog").first
            #expect(stored?["display_name"]?.stringValue == String(repeating: "é", count: 128))
        }
    }

    @Test("of the models, the library of LoRAs takes its own")
    func loras() async throws {
        try await withCatalogs { rig in
            let entries = [
                Self.model(["type": "lora", "save_path": "loras/SDXL", "filename": "a.safetensors", "base": "SDXL"]),
                Self.model([:]),
                Self.model(["type": "lora", "save_path": "default", "filename": "b.safetensors"]),
                Self.model(["type": "lora", "save_path": "xlabs/loras", "filename": "c.safetensors"]),
            ]
            let report = await rig.takeIn("loras", "format=comfyui-manager", Self.models(entries))
            #expect(report.counts == Counts(rows: 2, new: 2))
            #expect(report.reasons == ["0 : 2 entries are no LoRAs."])
            let rows = try await rig.rows("loras")
            #expect(rows.map { $0["file_name"] } == ["SDXL/a.safetensors", "b.safetensors"])
            #expect(rows.first?["base_model"] == "SDXL")
        }
    }

    private static let map = """
        {
          "https://github.com/first/One": [["A", "Shared", "Claimed", "Core"], {"title_aux": "Pack one", "preemptions": ["Claimed"]}],
          "https://github.com/second/Two.git": [
            ["B", "Shared", "Claimed"],
            {"author": "x", "title": "other", "title_aux": "Pack two", "preemptions": ["Claimed", "A"]}
          ],
          "https://gist.githubusercontent.com/u/1/raw/nodes.py": [["C d", "é"], {}],
          "https://github.com/patterns/only": [[], {"nodename_pattern": "^DF_", "title_aux": "Patterns"}],
          "https://github.com/comfyanonymous/ComfyUI": [["Core"], {"title_aux": "ComfyUI"}],
          "https://github.com/broken/1": [{"A": 1}],
          "https://github.com/broken/2": [["E", 5, "E"], {"title_aux": 3}]
        }
        """

    @Test("a node class belongs to ComfyUI, else to the pack that preempts it, else to the first")
    func nodeMap() async throws {
        try await withCatalogs { rig in
            let dry = await rig.takeIn("plugin-catalog", "format=comfyui-manager&dry_run=yes", Self.map)
            let now = try await rig.rows("plugin-catalog")
            #expect(now.isEmpty)
            let report = await rig.takeIn("plugin-catalog", "format=comfyui-manager", Self.map)
            #expect(report.counts == Counts(rows: 15, new: 7, skipped: 8))
            #expect(dry.counts == report.counts)
            let rows = try await rig.rows("plugin-catalog")
            let owners = rows.map { "\($0["node_key"]?.stringValue ?? "") \($0["package_name"]?.stringValue ?? "-")" }
            #expect(
                owners == [
                    "A Pack one", "Shared Pack one", "B Pack two", "Claimed Pack two", "C d -", "é -", "Core ComfyUI",
                ])
            #expect(rows.map { $0["display_name"] } == rows.map { $0["node_key"] })
            #expect(rows.last?["source_url"] == "https://github.com/comfyanonymous/ComfyUI")
            let package = "package_name: Input should be a valid string"
            #expect(
                report.reasons == [
                    "1 Claimed: It is also in https://github.com/second/Two.git, which preempts it; that one counts.",
                    "1 Core: It is also in https://github.com/comfyanonymous/ComfyUI, which is ComfyUI itself; that one counts.",
                    "2 Shared: It is also in https://github.com/first/One, which comes first; that one counts.",
                    "4 https://github.com/patterns/only: The entry names no node classes.",
                    "6 https://github.com/broken/1: The entry is not [[node classes], {…}].", "7 E: \(package)",
                    "7 https://github.com/broken/2: A node class is no text.", "7 E: \(package)",
                ])
        }
    }

    @Test("what is there is filled, not overwritten")
    func filling() async throws {
        try await withCatalogs { rig in
            _ = await rig.send(
                .post, "/plugin-catalog",
                [
                    "node_key": "A", "display_name": "Mine", "source_url": "https://example.com/mine",
                    "status": "inactive",
                ])
            let report = await rig.takeIn("plugin-catalog", "format=comfyui-manager", Self.map)
            #expect(report.counts.changed == 1)
            let row = try await rig.rows("plugin-catalog").first
            #expect(row?["display_name"] == "Mine")
            #expect(row?["source_url"] == "https://example.com/mine")
            #expect(row?["package_name"] == "Pack one")
            #expect(row?["status"] == "inactive")
            #expect(await rig.takeIn("plugin-catalog", "format=comfyui-manager", Self.map).counts.unchanged == 7)
        }
    }

    private static let list = """
        {"custom_nodes": [
          {"author": "x", "title": "ComfyUI-Manager", "reference": "https://github.com/ltdrdata/ComfyUI-Manager",
           "files": ["https://github.com/ltdrdata/ComfyUI-Manager"], "install_type": "git-clone", "description": "No nodes."},
          {"title": "One", "id": "one", "reference": "https://github.com/First/one/", "files": ["https://github.com/first/one"],
           "install_type": "git-clone", "description": "First.", "tags": ["image", "mask"], "version": "1.1", "pip": ["numpy"]},
          {"title": "Two", "reference": "https://github.com/second/two",
           "files": ["https://github.com/second/two", "https://github.com/second/Two/raw/x.js"], "description": ""},
          {"title": "Copied", "reference": "https://github.com/u/gists", "install_type": "copy",
           "files": ["https://gist.githubusercontent.com/u/1/raw/nodes.py"], "description": "One file."},
          {"title": "One again", "reference": "https://github.com/first/one.git", "files": [], "description": "Second."},
          {"title": "Nothing", "files": []},
          "text"
        ]}
        """

    @Test("what the list of packs says goes to the node classes of each pack")
    func nodeList() async throws {
        try await withCatalogs { rig in
            let early = await rig.takeIn("plugin-catalog", "format=comfyui-manager", Self.list)
            #expect(early.counts == Counts(rows: 7, skipped: 7))
            _ = await rig.takeIn("plugin-catalog", "format=comfyui-manager&existing=update", Self.map)
            let dry = await rig.takeIn("plugin-catalog", "format=comfyui-manager&dry_run=1", Self.list)
            let report = await rig.takeIn("plugin-catalog", "format=comfyui-manager", Self.list)
            #expect(report.counts == Counts(rows: 10, changed: 4, unchanged: 2, skipped: 4))
            #expect(dry.counts == report.counts)
            #expect(
                report.reasons == [
                    "5 https://github.com/first/one.git: Its addresses are already in entry 2.",
                    "6 : It has no address.",
                    "7 : The entry is no JSON object.",
                    """
                    1 https://github.com/ltdrdata/ComfyUI-Manager: No node class of https://github.com/ltdrdata/ComfyUI-Manager is in the \
                    catalog; import extension-node-map.json first.
                    """,
                ])
            let rows = try await rig.rows("plugin-catalog")
            #expect(
                rows.first == [
                    "node_key": "A", "display_name": "A", "package_name": "Pack one", "version": "1.1",
                    "description": "First.", "source_url": "https://github.com/first/One",
                    "download_url": "https://github.com/first/one", "tags": ["image", "mask"], "status": "active",
                ])
            let copied = rows.first { $0["node_key"] == "é" }
            #expect(copied?["package_name"] == "Copied")
            #expect(copied?["download_url"] == "https://gist.githubusercontent.com/u/1/raw/nodes.py")
            #expect(rows.first { $0["node_key"] == "B" }?["download_url"] == .null)
            let update = await rig.takeIn("plugin-catalog", "format=comfyui-manager&existing=update", Self.list)
            #expect(update.counts == Counts(rows: 10, changed: 4, unchanged: 2, skipped: 4))
            let keep = await rig.takeIn("plugin-catalog", "format=comfyui-manager&existing=keep", Self.list)
            #expect(keep.counts == Counts(rows: 10, unchanged: 6, skipped: 4))
            let now = try await rig.rows("plugin-catalog")
            #expect(now.first?["package_name"] == "One")
        }
    }

    @Test("the list finds its node classes on every page of the catalog")
    func manyClasses() async throws {
        try await withCatalogs { rig in
            let classes = (0..<1300).map { JSON.string("Node\($0)") }
            let map: JSONObject = ["https://github.com/a/b": [.array(classes), ["title_aux": "B"]]]
            #expect(
                await rig.takeIn("plugin-catalog", "format=comfyui-manager", JSON.object(map).text()).counts.new == 1300
            )
            let list = #"{"custom_nodes":[{"title":"B","reference":"https://github.com/a/b","description":"All."}]}"#
            let report = await rig.takeIn("plugin-catalog", "format=comfyui-manager", list)
            #expect(report.counts == Counts(rows: 1300, changed: 1300))
            let now = try await rig.rows("plugin-catalog")
            #expect(now.allSatisfy { $0["description"] == "All." })
        }
    }

    @Test(
        "documents that are none of the lists, or belong elsewhere",
        arguments: [
            ("plugin-catalog", "", "JSON decode error: expected a value, but the text ends at line 1, column 1"),
            (
                "plugin-catalog", #"{"custom_nodes": [{"title": "#,
                "JSON decode error: expected a value, but the text ends at line 1, column 29"
            ),
            ("plugin-catalog", "[1]", Self.unknown), ("plugin-catalog", "{}", Self.unknown),
            ("plugin-catalog", "7", Self.unknown),
            ("plugin-catalog", #"{"items": {}}"#, Self.unknown), ("plugin-catalog", #"{"models": 5}"#, Self.unknown),
            (
                "plugin-catalog", #"{"models": []}"#,
                "This is model-list.json, which belongs into model-catalog or loras, not into plugin-catalog"
            ),
            ("loras", map, "This is extension-node-map.json, which belongs into plugin-catalog, not into loras"),
            (
                "version-catalog", list,
                "This is custom-node-list.json, which belongs into plugin-catalog, not into version-catalog"
            ),
        ])
    func otherDocuments(_ catalog: String, _ text: String, _ words: String) async throws {
        try await withCatalogs { rig in
            let answer = await rig.takeIn(catalog, "format=comfyui-manager", text)
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json?["detail"]?[0]?["msg"] == .string(words))
        }
    }

    private static let unknown = """
        Input should be ComfyUI-Manager's model-list.json, extension-node-map.json or custom-node-list.json; for rows of a catalog \
        use format=jsonl
        """

    @Test("a document that is too large is refused, whether it says so or not")
    func tooLarge() async throws {
        try await withCatalogs { rig in
            let piece = [UInt8](repeating: UInt8(ascii: " "), count: 1 << 20)
            let count = Counter()
            let body = HTTPBody(length: nil) { count.next() <= 17 ? piece : nil }
            let answer = await rig.takeIn("plugin-catalog", "format=comfyui-manager", body)
            #expect(answer.status == .contentTooLarge)
            #expect(answer.json?["detail"] == "BODY_TOO_LARGE")
            #expect(count.value == 17)
        }
    }

    @Test("a list with too many entries, or too many classes in one, is refused")
    func tooMany() async throws {
        let many = "[" + String(repeating: "1,", count: ManagerDocument.mostEntries) + "1]"
        try await withCatalogs { rig in
            let entries = await rig.takeIn("model-catalog", "format=comfyui-manager", "{\"models\":\(many)}")
            #expect(entries.status == .contentTooLarge)
            #expect(entries.json?["error"] == "The list has more than 200000 entries.")
            let classes = many.replacing("1", with: "\"A\"")
            let map = await rig.takeIn("plugin-catalog", "format=comfyui-manager", "{\"u://a\":[\(classes),{}]}")
            #expect(map.status == .contentTooLarge)
            #expect(map.json?["error"] == "The list has more than 200000 node classes.")
        }
    }
}
