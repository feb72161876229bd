import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// `GET /loras?executorId=`: installed and untracked files (seed 000 §1, `spec/catalogs.md` §1).
@Suite struct LoraListTests {
    private static let executors: JSON = [["id": "a", "base_url": "http://a:8188"], ["id": "bare"]]

    /// Catalogues some files, the last one first in the list.
    private func add(_ rig: ServersRig, _ files: String...) async {
        for file in files {
            _ = await rig.rig.send(.post, "/loras", ["file_name": .string(file), "display_name": "x"])
        }
    }

    /// One field of the rows by file name.
    private func installed(_ answer: TestResponse) -> [String: JSON] {
        var found: [String: JSON] = [:]
        for item in answer.json?["items"]?.arrayValue ?? [] {
            found[item["file_name"]?.stringValue ?? ""] = item["installed"]
        }
        return found
    }

    @Test("without a server the envelope is empty")
    func plain() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            await add(rig, "x")
            for path in ["/loras", "/loras?executorId="] {
                let answer = await rig.get(path)
                let body = try #require(answer.json?.objectValue)
                for key in ["executorId", "baseUrl", "installedFiles", "untrackedFiles", "executorError"] {
                    #expect(body[key] == .null, "\(key)")
                }
                #expect(installed(answer) == ["x": .null])
            }
            #expect(rig.asked.isEmpty)
        }
    }

    @Test("with a server: its files sorted, those that the catalog does not have, and which rows it has")
    func beside() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/object_info"] = FakeServers.objectInfo(
                lora: ["z.safetensors", "杯子1124.safetensors", "unknown.safetensors", "z.safetensors"])
            await add(rig, "杯子1124.safetensors", "elsewhere.safetensors")
            let answer = await rig.get("/loras?executorId=a")
            #expect(answer.status == .ok)
            #expect(answer.json?["executorId"] == "a")
            #expect(answer.json?["baseUrl"] == "http://a:8188")
            #expect(answer.json?["installedFiles"] == ["unknown.safetensors", "z.safetensors", "杯子1124.safetensors"])
            #expect(answer.json?["untrackedFiles"] == ["unknown.safetensors", "z.safetensors"])
            #expect(answer.json?["executorError"] == .null)
            #expect(installed(answer) == ["杯子1124.safetensors": true, "elsewhere.safetensors": false])
        }
    }

    @Test("folders are the same whether they are written with \\ or with /")
    func folders() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/object_info"] = FakeServers.objectInfo(
                lora: ["sub\\one", "sub/two", "a/b/c", "sub\\new", "Sub/two"])
            await add(rig, "sub/one", "sub\\two", "a\\b/c")
            let answer = await rig.get("/loras?executorId=a")
            #expect(answer.json?["untrackedFiles"] == ["Sub/two", "sub\\new"])
            #expect(answer.json?["installedFiles"]?.arrayValue?.contains("sub\\one") ?? false)
            #expect(installed(answer) == ["sub/one": true, "sub\\two": true, "a\\b/c": true])
        }
    }

    @Test("rows that a filter or a page leaves out are catalogued all the same")
    func filtered() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/object_info"] = FakeServers.objectInfo(lora: ["one", "two", "new"])
            await add(rig, "one")
            _ = await rig.rig.send(
                .post, "/loras", ["file_name": "two", "display_name": "x", "status": "inactive"])
            for query in ["q=nothing", "status=active", "limit=1", "offset=9"] {
                let answer = await rig.get("/loras?executorId=a&\(query)")
                #expect(answer.json?["untrackedFiles"] == ["new"], "\(query)")
                #expect(answer.json?["installedFiles"] == ["new", "one", "two"])
            }
        }
    }

    @Test("untracked files can be left out")
    func withoutUntracked() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/object_info"] = FakeServers.objectInfo(lora: ["new"])
            let answer = await rig.get("/loras?executorId=a&includeUntracked=false")
            #expect(answer.json?["untrackedFiles"] == .null)
            #expect(answer.json?["installedFiles"] == ["new"])
            #expect(await rig.get("/loras?includeUntracked=maybe").status == .unprocessableContent)
        }
    }

    @Test("a server without the node that lists LoRAs tells nothing about them")
    func noLoader() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            await add(rig, "one")
            rig.servers["http://a:8188/object_info"] = .json(["KSampler": ["input": [:]]])
            let answer = await rig.get("/loras?executorId=a")
            #expect(answer.json?["executorError"] == "COMFYUI_OBJECT_INFO_INVALID")
            #expect(answer.json?["installedFiles"] == .null)
            #expect(answer.json?["items"]?[0]?["installed"] == .null)
        }
    }

    @Test(
        "a server that cannot be asked never reads as one on which nothing is installed",
        arguments: [
            ("a", "COMFYUI_OBJECT_INFO_ERROR", "http://a:8188"), ("bare", "COMFYUI_BASE_URL_MISSING", nil),
            ("nobody", "EXECUTOR_NOT_FOUND", nil),
        ] as [(String, String, String?)])
    func dead(id: String, code: String, url: String?) async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            await add(rig, "one")
            let answer = await rig.get("/loras?executorId=\(id)")
            #expect(answer.status == .ok)
            #expect(answer.json?["executorId"] == .string(id))
            #expect(answer.json?["baseUrl"]?.stringValue == url)
            #expect(answer.json?["installedFiles"] == .null)
            #expect(answer.json?["untrackedFiles"] == .null)
            #expect(answer.json?["executorError"] == .string(code))
            #expect(installed(answer) == ["one": .null])
        }
    }

    @Test("a server without LoRAs has none, which is something else than not to know")
    func none() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/object_info"] = FakeServers.objectInfo()
            await add(rig, "one")
            let answer = await rig.get("/loras?executorId=a")
            #expect(answer.json?["installedFiles"] == [])
            #expect(answer.json?["untrackedFiles"] == [])
            #expect(installed(answer) == ["one": false])
        }
    }

    @Test("refresh asks the server anew")
    func refresh() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            rig.servers["http://a:8188/object_info"] = FakeServers.objectInfo(lora: ["one"])
            _ = await rig.get("/loras?executorId=a")
            rig.servers["http://a:8188/object_info"] = FakeServers.objectInfo(lora: ["two"])
            #expect(await rig.get("/loras?executorId=a").json?["installedFiles"] == ["one"])
            #expect(await rig.get("/loras?executorId=a&refresh=true").json?["installedFiles"] == ["two"])
        }
    }

    @Test("thousands of files and rows: each row beyond the first page knows too, and the table is not read whole")
    func many() async throws {
        try await withFakeServers(executors: Self.executors) { rig in
            let files = (0..<1700).map { "dir\\\($0).safetensors" }
            rig.servers["http://a:8188/object_info"] = FakeServers.objectInfo(lora: files)
            let store = rig.rig.host.plugin.store
            let author = ChangeAuthor(Request(id: "fill", method: .post, target: "/"))
            _ = try await store.change(.loras, by: author) { writer in
                for index in 0..<1200 {
                    let row: JSONObject = [
                        "file_name": .string("dir/\(index + 1000).safetensors"), "display_name": "x",
                    ]
                    _ = try writer.upsert(CatalogFields(.loras, trusted: row))
                }
            }
            let answer = await rig.get("/loras?executorId=a")
            #expect(answer.json?["untrackedFiles"]?.arrayValue?.count == 1000)
            #expect(installed(answer).count == 1200)
            #expect(installed(answer).values.filter { $0 == true }.count == 700)
            let plan = try await rig.rig.host.database.read { connection in
                try connection.all(
                    "EXPLAIN QUERY PLAN SELECT file_name FROM catalogs_loras WHERE "
                        + "REPLACE(file_name, CHAR(92), '/') IN ('a', 'b')"
                ) { try $0.get("detail") as String }
            }
            #expect(plan.allSatisfy { $0.hasPrefix("SEARCH") && $0.contains("catalogs_loras_path") }, "\(plan)")
        }
    }
}
