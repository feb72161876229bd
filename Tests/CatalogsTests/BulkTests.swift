import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// Whole catalogs as files.
@Suite struct BulkTests {
    @Test("JSON lines: what is new, changed, alike and wrong is told, and only the right rows are stored")
    func jsonLines() async throws {
        try await withCatalogs { rig in
            let body = """
                {"file_name":"a.safetensors","display_name":"A","tags":[" x ",""]}

                {"file_name":"b.safetensors","display_name":"B","status":"inactive"}\r
                {"file_name":"c.safetensors"}
                {"file_name":"a.safetensors","display_name":"again"}
                ["no object"]
                {"file_name":"d.safetensors","display_name":7,"base_model":"m"}
                {"file_name":"e.saf
                """
            let report = await rig.takeIn("loras", "format=jsonl", body)
            #expect(report.status == .ok)
            #expect(report.counts == Counts(rows: 7, new: 2, skipped: 5))
            #expect(
                report.reasons == [
                    "4 c.safetensors: display_name: Field required",
                    "5 a.safetensors: The key is already in line 1.", "6 : The line is no JSON object.",
                    "7 d.safetensors: display_name: Input should be a valid string",
                    "8 : The line is not JSON: a string has no closing quote at column 20.",
                ])
            let rows = try await rig.rows("loras")
            #expect(rows.map { $0["file_name"] } == ["a.safetensors", "b.safetensors"])
            #expect(rows.first?["tags"] == ["x"])
            let again = await rig.takeIn(
                "loras", "format=jsonl",
                #"{"file_name":"a.safetensors","display_name":"A"}"# + "\n"
                    + #"{"file_name":"b.safetensors","display_name":"B2"}"# + "\n")
            #expect(again.counts == Counts(rows: 2, changed: 1, unchanged: 1))
            let now = try await rig.rows("loras")
            #expect(now.map { $0["status"] } == ["active", "inactive"])
        }
    }

    @Test(
        "an export imported into another daemon gives the same rows, and into its own changes nothing",
        arguments: Fixtures.catalogs)
    func identity(_ catalog: String) async throws {
        try await withCatalogs { rig in
            let lines = Fixtures.lines(catalog, 1203)
            #expect(await rig.takeIn(catalog, "format=jsonl", lines).counts == Counts(rows: 1203, new: 1203))
            let file = await rig.send(.get, "/\(catalog)/export")
            #expect(file.headers["content-type"] == "application/jsonl; charset=utf-8")
            #expect(file.headers["content-disposition"] == "attachment; filename=\"\(catalog).jsonl\"")
            let again = await rig.takeIn(catalog, "format=jsonl", file.text)
            #expect(again.counts == Counts(rows: 1203, unchanged: 1203))
            try await withCatalogs { other in
                #expect(await other.takeIn(catalog, "format=jsonl", file.text).counts.new == 1203)
                let (copy, original) = (try await other.rows(catalog), try await rig.rows(catalog))
                #expect(copy == original)
            }
        }
    }

    @Test("a dry run tells the same and stores nothing")
    func dryRun() async throws {
        try await withCatalogs { rig in
            _ = await rig.send(.post, "/version-catalog", ["version": "v1", "notes": "old"])
            let body = """
                {"version":"v1","notes":"new"}
                {"version":"v2"}
                {"version":"v2"}
                {"version":""}
                """
            let before = try await rig.rows("version-catalog")
            let dry = await rig.takeIn("version-catalog", "format=jsonl&dry_run=true", body)
            #expect(dry.counts == Counts(rows: 4, new: 1, changed: 1, skipped: 2))
            #expect(dry.json?["dry_run"] == true)
            let after = try await rig.rows("version-catalog")
            #expect(after == before)
            let real = await rig.takeIn("version-catalog", "format=jsonl", body)
            #expect(real.counts == dry.counts)
            #expect(real.reasons == dry.reasons)
            let now = try await rig.rows("version-catalog")
            #expect(now.map { $0["notes"] } == ["new", .null])
        }
    }

    @Test(
        "rows that are there: updated, filled or kept",
        arguments: [("update", "new"), ("fill", "old"), ("keep", "old")])
    func existing(_ word: String, _ name: String) async throws {
        try await withCatalogs { rig in
            _ = await rig.send(
                .post, "/plugin-catalog", ["node_key": "A", "display_name": "old", "tags": ["t"]])
            let row: JSON = ["node_key": "A", "display_name": "new", "version": "1", "tags": .null]
            let report = await rig.takeIn("plugin-catalog", "format=jsonl&existing=\(word)", row.text())
            #expect(report.json?["existing"] == .string(word))
            let stored = try await rig.rows("plugin-catalog").first
            #expect(stored?["display_name"] == .string(name))
            #expect(stored?["version"] == (word == "keep" ? .null : "1"))
            #expect(stored?["tags"] == (word == "update" ? .null : ["t"]))
        }
    }

    @Test("each changed row is in the audit table under the id of the request")
    func audited() async throws {
        try await withCatalogs { rig in
            _ = await rig.send(.post, "/version-catalog", ["version": "v0"])
            let body = (0..<3).map { "{\"version\":\"v\($0)\",\"notes\":\"n\"}" }.joined(separator: "\n")
            let report = await rig.takeIn("version-catalog", "format=jsonl", body)
            let id = report.json?["request_id"]?.stringValue ?? ""
            let lines = await rig.send(.get, "/audit?request_id=\(id)").json?["items"]?.arrayValue ?? []
            #expect(lines.map { $0["row_key"] } == ["v2", "v1", "v0"])
            #expect(lines.map { $0["action"] } == ["create", "create", "update"])
            #expect(lines.last?["before"]?["notes"] == .null)
            #expect(lines.last?["after"]?["notes"] == "n")
            let dry = await rig.takeIn("version-catalog", "format=jsonl&dry_run=1&existing=keep", body)
            let none = await rig.send(.get, "/audit?request_id=\(dry.json?["request_id"]?.stringValue ?? "")")
            #expect(none.json?["items"] == [])
        }
    }

    @Test("an export has the rows that its query asks for")
    func filters() async throws {
        try await withCatalogs { rig in
            let body = """
                {"file_name":"One.pt","display_name":"1","model_type":"unet"}
                {"file_name":"two.pt","display_name":"ONE","model_type":"vae"}
                {"file_name":"three.pt","display_name":"3","model_type":"vae","status":"inactive"}
                """
            _ = await rig.takeIn("model-catalog", "format=jsonl", body)
            let expected: [(String, [String])] = [
                ("q=one", ["One.pt", "two.pt"]), ("type=vae&status=active", ["two.pt"]), ("type=none", []),
                ("limit=1&offset=1", ["One.pt", "two.pt", "three.pt"]),
            ]
            for (query, names) in expected {
                let text = await rig.send(.get, "/model-catalog/export?\(query)").text
                let rows = try text.split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
                #expect(rows.map { $0["file_name"]?.stringValue } == names)
            }
            let wrong = await rig.send(.get, "/model-catalog/export?format=xml")
            #expect(wrong.status == .unprocessableContent)
        }
    }

    @Test("base models stay in agreement when a row is filled")
    func filledBaseModels() async throws {
        try await withCatalogs { rig in
            for (name, models) in [("two", ["a", "b"]), ("none", [])] as [(String, [JSON])] {
                _ = await rig.send(
                    .post, "/loras", ["file_name": .string(name), "display_name": "x", "base_models": .array(models)])
            }
            let body = """
                {"file_name":"two","display_name":"x","base_model":"c"}
                {"file_name":"none","display_name":"x","base_model":"c"}
                """
            let report = await rig.takeIn("loras", "format=jsonl&existing=fill", body)
            #expect(report.counts == Counts(rows: 2, changed: 1, unchanged: 1))
            let rows = try await rig.rows("loras")
            #expect(rows.map { $0["base_models"] } == [["a", "b"], ["c"]])
            #expect(rows.map { $0["base_model"] } == [.null, "c"])
        }
    }
}
