import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// Bodies that are small and make much work, or that look harmless.
@Suite struct HostileBodyTests {
    @Test("a list of wrong items is refused with some of them, not with all")
    func wrongItems() async throws {
        try await withCatalogs { rig in
            let items = Array(repeating: "1", count: 100_000).joined(separator: ",")
            let row = #"{"file_name":"a","display_name":"A","tags":[\#(items)]}"#
            let one = await rig.send(.post, "/loras", try JSON(parsing: row))
            #expect(one.status == .unprocessableContent)
            #expect(one.body.count < 100_000)
            let many = await rig.takeIn("loras", "format=jsonl", row)
            #expect(many.counts == Counts(rows: 1, skipped: 1))
            #expect(many.body.count < 100_000)
        }
    }

    @Test("a byte order mark before JSON lines is no part of the first one")
    func mark() async throws {
        try await withCatalogs { rig in
            let answer = await rig.takeIn(
                "loras", "format=jsonl", "\u{FEFF}{\"file_name\":\"a\",\"display_name\":\"A\"}\n")
            #expect(answer.counts == Counts(rows: 1, new: 1))
        }
    }

    @Test("words that begin with a combining mark are words after export and import as CSV")
    func combining() async throws {
        try await withCatalogs { rig in
            _ = await rig.send(
                .post, "/loras", ["file_name": "a", "display_name": "A", "tags": ["x", "\u{301}y", "z"]])
            let csv = await rig.send(.get, "/loras/export?format=csv").text
            let report = await rig.takeIn("loras", "format=csv", csv)
            #expect(report.counts == Counts(rows: 1, unchanged: 1))
        }
    }

    @Test("an entry of a model list is taken without what it has no word for")
    func nullBase() async throws {
        try await withCatalogs { rig in
            let list = """
                {"models":[{"name":"N","type":"vae","base":null,"save_path":"default","filename":"f.pt","url":"https://a/f.pt"}]}
                """
            let report = await rig.takeIn("model-catalog", "format=comfyui-manager", list)
            #expect(report.counts == Counts(rows: 1, new: 1))
        }
    }
}
