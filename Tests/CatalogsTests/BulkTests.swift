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
                report.rowProblems == [
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
            #expect(try await rig.rows("loras").map { $0["status"] } == ["active", "inactive"])
        }
    }

    @Test(
        "an export imported into another daemon gives the same rows, and into its own changes nothing",
        arguments: Self.catalogs)
    func identity(_ catalog: String) async throws {
        try await withCatalogs { rig in
            let made = Fixtures.rows(catalog, 1203)
            let lines = made.map { JSON.object($0).text() }.joined(separator: "\n")
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

    private static let catalogs = CatalogKind.all.map(\.name)

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
            #expect(real.rowProblems == dry.rowProblems)
            #expect(try await rig.rows("version-catalog").map { $0["notes"] } == ["new", .null])
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
}
