import ComfyUI
import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// What is missing, how it is grouped, and what a snapshot says of a server.
@Suite struct DifferenceTests {
    private func difference(_ server: ServerInventory, from baseline: ServerInventory) -> ServerDifference {
        ServerDifference(of: server, from: ServerDifference.Baseline(baseline))
    }

    private func missing(_ kind: String, in difference: ServerDifference) -> [String]? {
        difference.parts.first { $0.kind == kind }?.missing
    }

    @Test("missing is what the baseline has and the server has not, never the reverse")
    func oneDirection() {
        let baseline = ServerInventory(models: ["unet": ["a", "b", "c"]], nodeKeys: ["KSampler", "VAEDecode"])
        let server = ServerInventory(models: ["unet": ["b", "x"]], nodeKeys: ["KSampler", "Own"])
        let difference = difference(server, from: baseline)
        #expect(missing("unet", in: difference) == ["a", "c"])
        #expect(missing("nodes", in: difference) == ["VAEDecode"])
        #expect(difference.parts.first { $0.kind == "unet" }?.total == 2)
        #expect(!difference.isEmpty)
        #expect(ServerDifference(of: baseline, from: ServerDifference.Baseline(baseline)).isEmpty)
    }

    @Test("the five kinds of the console come first and are always there, the others follow by name")
    func kinds() {
        let baseline = ServerInventory(models: ["upscale_models": ["x"], "checkpoints": ["c"], "vae": ["v"]])
        let server = ServerInventory(models: ["gligen": ["g"]])
        let difference = difference(server, from: baseline)
        #expect(
            difference.parts.map(\.kind)
                == ["unet", "clip", "vae", "lora", "nodes", "checkpoints", "gligen", "upscale_models"])
        #expect(missing("checkpoints", in: difference) == ["c"])
        #expect(missing("gligen", in: difference) == [])
        #expect(missing("unet", in: difference) == [])
    }

    @Test("a file is the same with the folders of Windows, a node class is not")
    func folders() {
        let baseline = ServerInventory(
            models: ["lora": ["style\\a.safetensors", "style/b.safetensors", " ", "style/b.safetensors "]],
            nodeKeys: ["A\\B"])
        let server = ServerInventory(models: ["lora": ["style/a.safetensors"]], nodeKeys: ["A/B"])
        let difference = difference(server, from: baseline)
        #expect(missing("lora", in: difference) == ["style/b.safetensors"])
        #expect(missing("nodes", in: difference) == ["A\\B"])
    }

    @Test("names that only look the same are different files")
    func bytes() {
        let baseline = ServerInventory(models: ["vae": ["caf\u{E9}.pt", "X.pt"]])
        let server = ServerInventory(models: ["vae": ["cafe\u{301}.pt", "x.pt"]])
        #expect(missing("vae", in: difference(server, from: baseline))?.count == 2)
    }

    @Test("nodes of one repository are one group, whatever way its address is written")
    func groups() {
        var sources = CatalogSources()
        func add(_ node: String, _ source: String?, _ download: String? = nil) {
            sources[ServerDifference.nodes, node] = CatalogSources.Source(
                displayName: node, sourceURL: source, downloadURL: download)
        }
        add("Z", "https://github.com/Acme/Pack.git")
        add("B", "https://github.com/acme/pack/", "https://mirror/pack.zip")
        add("C", nil, "https://a.example/c")
        add("D", " / ")
        let groups = RepositoryGroups(["Z", "Y", "B", "C", "D"], sources).json
        #expect(
            groups == [
                "repos": [
                    [
                        "repo": "https://a.example/c", "source_url": nil, "download_url": "https://a.example/c",
                        "nodes": ["C"],
                    ],
                    [
                        "repo": "https://github.com/Acme/Pack", "source_url": "https://github.com/Acme/Pack.git",
                        "download_url": "https://mirror/pack.zip", "nodes": ["B", "Z"],
                    ],
                ], "missingRepoNodes": ["D", "Y"],
            ])
    }

    @Test(
        "a server is in sync when the five kinds are there and nothing is missing of any",
        arguments: [
            (#"{"unet":[],"clip":[],"vae":[],"lora":[],"nodes":[]}"#, true),
            (#"{"unet":[],"clip":[],"vae":[],"lora":[],"nodes":[],"checkpoints":[]}"#, true),
            (#"{"unet":[],"clip":[],"vae":[],"lora":[],"nodes":[],"checkpoints":["c"]}"#, false),
            (#"{"unet":[],"clip":[],"vae":[],"lora":[],"nodes":["n"]}"#, false),
            (#"{"unet":[],"clip":[],"vae":[],"lora":[]}"#, false),
            (#"{"unet":[],"clip":[],"vae":[],"lora":[],"nodes":null}"#, false),
            (#"[]"#, false), (#"null"#, false),
        ])
    func inSync(missing: String, expected: Bool) throws {
        let known = Self.known("main", "w")
        let servers: [JSON] = [
            ["server": ["id": "main"]], ["server": ["id": "stranger"]], 7,
            ["server": ["id": "w"], "missing": try JSON(parsing: missing)],
        ]
        #expect(
            ServerFinding.all(in: servers, baseline: "main", known: known) == [
                ServerFinding(executorID: "main", role: .master, isInSync: true),
                ServerFinding(executorID: "w", role: .worker, isInSync: expected),
            ])
    }

    @Test("a server that is there twice is in sync only if both say so")
    func twice() {
        let empty: JSON = ["unet": [], "clip": [], "vae": [], "lora": [], "nodes": []]
        let findings = ServerFinding.all(
            in: [["server": ["id": "w"], "missing": empty], ["server": ["id": "w"]]], baseline: "main",
            known: Self.known("w"))
        #expect(findings == [ServerFinding(executorID: "w", role: .worker, isInSync: false)])
    }

    @Test("a snapshot has the form of the console, with what it was asked to keep besides")
    func snapshot() throws {
        let main = Self.server("main")
        let worker = Self.server("w")
        let contents = ServerInventory(models: ["unet": ["u", "shared"]], nodeKeys: ["N", "Plain"])
        var sources = CatalogSources()
        sources["unet", "u"] = CatalogSources.Source(
            displayName: "Big", sourceURL: "https://s/u", downloadURL: "https://d/u")
        let dead = HTTPError(.badGateway, "COMFYUI_OBJECT_INFO_ERROR", "It does not answer.")
        let baseline = ServerDifference.Baseline(contents)
        let snapshot = DiffSnapshot(
            baseline: main,
            targets: [
                DiffSnapshot.Target(server: main, result: .success(ServerDifference(of: contents, from: baseline))),
                DiffSnapshot.Target(
                    server: worker,
                    result: .success(
                        ServerDifference(
                            of: ServerInventory(models: ["unet": ["shared"]], nodeKeys: ["Plain", "More"]),
                            from: baseline))),
                DiffSnapshot.Target(server: Self.server("z"), result: .failure(dead)),
            ], time: Timestamp(milliseconds: 0))
        let json = try JSON(
            parsing: try snapshot.text(sources, extras: ["note": "hi", "generatedAt": 1, "servers": nil]))
        #expect(json["generatedAt"] == "1970-01-01T00:00:00.000Z")
        #expect(json["note"] == "hi")
        #expect(json["baseline"] == ["id": "main", "name": "Main", "baseUrl": "http://main"])
        #expect(json["servers"]?.arrayValue?.count == 3)
        #expect(json["servers"]?[0]?["isBaseline"] == true)
        let entry = json["servers"]?[1]
        #expect(entry?["baseline"] == json["baseline"])
        #expect(entry?["server"] == ["id": "w", "name": "W", "baseUrl": "http://w"])
        #expect(entry?["missing"] == ["unet": ["u"], "clip": [], "vae": [], "lora": [], "nodes": ["N"]])
        #expect(
            entry?["missing_details"] == [
                "unet": [
                    [
                        "name": "u", "display_name": "Big", "source_url": "https://s/u",
                        "download_url": "https://d/u",
                    ]
                ], "clip": [], "vae": [], "lora": [],
                "nodes": [["name": "N", "display_name": nil, "source_url": nil, "download_url": nil]],
            ])
        #expect(entry?["missing_repo_groups"] == ["repos": [], "missingRepoNodes": ["N"]])
        #expect(entry?["totals"] == ["unet": 1, "clip": 0, "vae": 0, "lora": 0, "nodes": 2])
        #expect(entry?["isBaseline"] == false)
        #expect(entry?["error"] == .null)
        let lost = json["servers"]?[2]
        #expect(lost?["error"] == "COMFYUI_OBJECT_INFO_ERROR")
        for key in ["missing", "missing_details", "missing_repo_groups", "totals"] { #expect(lost?[key] == .null) }
        #expect(
            ServerFinding.all(in: snapshot) == [
                ServerFinding(executorID: "main", role: .master, isInSync: true),
                ServerFinding(executorID: "w", role: .worker, isInSync: false),
                ServerFinding(executorID: "z", role: .worker, isInSync: false),
            ])
    }

    private static func server(_ id: String) -> CatalogServer {
        let url = "http://\(id)"
        return CatalogServer(
            id: id, name: id.prefix(1).uppercased() + id.dropFirst(), baseURL: url, source: .executor, isActive: true,
            client: ComfyClient(baseURL: url, http: StubHTTPClient()))
    }

    private static func known(_ ids: String...) -> KnownServers {
        var known = KnownServers()
        for id in ids { known.add(server(id)) }
        return known
    }
}
