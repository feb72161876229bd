import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// What `POST` does in the four catalogs: seed 000 §1–4, `spec/catalogs.md` §1–4.
@Suite("rows are added, or changed where they are there")
struct EntryTests {
    @Test("the seed's LoRA is added once, and what a second POST does not name stays")
    func upsert() async throws {
        try await withCatalogs { rig in
            let first = await rig.send(
                .post, "/loras",
                [
                    "file_name": "杯子1124.safetensors", "display_name": "杯子印花 LoRA",
                    "base_models": ["qwen_image_edit_2509"], "tags": ["cup"], "status": "inactive",
                ])
            #expect(first.status == .ok)
            #expect(first.json?["base_model"] == "qwen_image_edit_2509")
            let second = await rig.send(
                .post, "/loras", ["file_name": "杯子1124.safetensors", "display_name": "杯子"])
            #expect(second.json?["id"] == first.json?["id"])
            #expect(second.json?["status"] == "inactive")
            #expect(second.json?["display_name"] == "杯子")
            let list = await rig.send(.get, "/loras?q=%E6%9D%AF")
            #expect(list.json?["items"]?.arrayValue?.count == 1)
        }
    }

    @Test("a row has all its fields, null where there is nothing", arguments: CatalogKind.all)
    func nullable(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            let row = try await rig.put(kind.name, .object(kind.example()))
            for column in kind.columns {
                let expected: JSON = column.isRequired ? "a" : column.initial.map { .string($0) } ?? .null
                #expect(row[column.name] == expected, "\(column.name)")
            }
            #expect(row["created_at"] == "2026-01-01T00:00:00.000Z")
            #expect(row["updated_at"] == "2026-01-01T00:00:00.000Z")
            let extra = kind.name == "loras" ? ["installed"] : []
            #expect(row.objectValue?.keys == ["id"] + kind.columns.map(\.name) + ["created_at", "updated_at"] + extra)
            #expect(try await rig.items("/\(kind.name)") == [row])
            #expect(await rig.send(.get, row.path(in: kind.name)).json == row)
        }
    }

    @Test("every field comes back as it was given", arguments: CatalogKind.all)
    func allFields(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            let body = kind.fullExample("x")
            _ = try await rig.put(kind.name, .object(body))
            let row = try #require(try await rig.items("/\(kind.name)").first)
            for (name, value) in body { #expect(row[name] == value, "\(name)") }
        }
    }

    @Test("only the fields of a second POST are replaced, and the id is the same", arguments: CatalogKind.all)
    func partialUpsert(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            let first = try await rig.put(kind.name, .object(kind.fullExample()))
            rig.host.clock.advance(by: .seconds(5))
            var body = kind.example()
            body["status"] = "inactive"
            let second = try await rig.put(kind.name, .object(body))
            var expected = try #require(first.objectValue)
            expected["status"] = "inactive"
            expected["updated_at"] = "2026-01-01T00:00:05.000Z"
            #expect(second == .object(expected))
        }
    }

    @Test("a second POST with the same fields changes neither the time nor the audit table", arguments: CatalogKind.all)
    func unchanged(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            let first = try await rig.put(kind.name, .object(kind.fullExample()))
            rig.host.clock.advance(by: .seconds(5))
            #expect(try await rig.put(kind.name, .object(kind.fullExample())) == first)
            #expect(try await rig.items("/audit").count == 1)
        }
    }

    @Test("the fields that make a row unique", arguments: CatalogKind.all)
    func keys(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            var ids: Set<String> = []
            for name in kind.key {
                for other in ["a", "A", "b"] {
                    var body = kind.example()
                    body[name] = .string(other)
                    ids.insert(try await rig.put(kind.name, .object(body))["id"]?.text() ?? "")
                }
            }
            // Names differ by their letters' case, as files do.
            #expect(ids.count == 1 + 2 * kind.key.count)
        }
    }

    @Test("an id in the body and unknown keys are ignored, and ids go up", arguments: CatalogKind.all)
    func ignored(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            var body = kind.example("a")
            body["id"] = 900
            body["created_at"] = "1999-01-01T00:00:00Z"
            body["whatever"] = ["x": 1]
            let first = try await rig.put(kind.name, .object(body))
            #expect(first["created_at"] == "2026-01-01T00:00:00.000Z")
            #expect(await rig.send(.delete, first.path(in: kind.name)).status == .ok)
            let second = try await rig.put(kind.name, .object(kind.example("b")))
            #expect(first["id"] == 1)
            #expect(second["id"] == 2)
            #expect(second["whatever"] == nil)
        }
    }

    @Test("white space around texts is dropped before a row is looked up", arguments: CatalogKind.all)
    func trimmed(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            let first = try await rig.put(kind.name, .object(kind.example("a b")))
            var padded = kind.example(" a b\u{3000}\n")
            padded["tags"] = [" x ", "", "  "]
            let second = try await rig.put(kind.name, .object(padded))
            #expect(second["id"] == first["id"])
            #expect(second[kind.key[0]] == "a b")
            if kind["tags"] != nil { #expect(second["tags"] == ["x"]) }
        }
    }

    @Test("null clears what may be missing, and leaves what may not", arguments: CatalogKind.all)
    func nulls(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            let first = try await rig.put(kind.name, .object(kind.fullExample()))
            var body: JSONObject = [:]
            for column in kind.columns { body[column.name] = .null }
            let answer = await rig.send(.put, first.path(in: kind.name), .object(body))
            #expect(answer.status == .ok)
            for column in kind.columns {
                let expected = column.isNullable ? .null : first[column.name]
                #expect(answer.json?[column.name] == expected, "\(column.name)")
            }
        }
    }

    @Test("a required field that is null or missing is refused by name", arguments: CatalogKind.all)
    func required(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            for column in kind.columns where column.isRequired {
                var body = kind.example()
                body[column.name] = .null
                let isNull = await rig.send(.post, "/\(kind.name)", .object(body))
                #expect(isNull.problems == ["string_type body.\(column.name)"])
                body[column.name] = nil
                let isMissing = await rig.send(.post, "/\(kind.name)", .object(body))
                #expect(isMissing.problems == ["missing body.\(column.name)"])
            }
            let rows = try await rig.items("/\(kind.name)")
            #expect(rows.isEmpty)
        }
    }
}

extension TestResponse {
    /// Kind and place of each problem of a refusal with 422.
    var problems: [String] {
        guard status.code == 422 else { return ["\(status)"] }
        return (json?["detail"]?.arrayValue ?? []).map { problem in
            let place = (problem["loc"]?.arrayValue ?? []).map { $0.stringValue ?? $0.text() }
            return "\(problem["type"]?.stringValue ?? "") \(place.joined(separator: "."))"
        }
    }
}
