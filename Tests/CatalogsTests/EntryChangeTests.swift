import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// `PUT` and `DELETE`, and what keeps the base models of a LoRA in agreement: `spec/catalogs.md` §1–4.
@Suite("rows are changed in part, and deleted")
struct EntryChangeTests {
    @Test("a PUT changes what it names and nothing else", arguments: CatalogKind.all)
    func partial(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            let first = try await rig.put(kind.name, .object(kind.fullExample()))
            rig.host.clock.advance(by: .seconds(1))
            let answer = await rig.send(.put, first.path(in: kind.name), ["status": "inactive", "id": 7, "x": 1])
            var expected = try #require(first.objectValue)
            expected["status"] = "inactive"
            expected["updated_at"] = "2026-01-01T00:00:01.000Z"
            #expect(answer.status == .ok)
            #expect(answer.json == .object(expected))
            #expect(try await rig.items("/\(kind.name)") == [.object(expected)])
            rig.host.clock.advance(by: .seconds(1))
            let empty = await rig.send(.put, first.path(in: kind.name), [:])
            #expect(empty.json == .object(expected))
        }
    }

    @Test("a field that cannot be changed is ignored, whatever it is", arguments: [CatalogKind.loras, .versions])
    func immutable(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            let first = try await rig.put(kind.name, .object(kind.example()))
            for value in ["other", 7, .null, .string(String(repeating: "x", count: 300))] as [JSON] {
                let answer = await rig.send(.put, first.path(in: kind.name), [kind.key[0]: value, "status": "s"])
                #expect(answer.status == .ok)
                #expect(answer.json?[kind.key[0]] == "a")
            }
        }
    }

    @Test(
        "a PUT that takes another row's key is 409 and changes nothing",
        arguments: [CatalogKind.models, .plugins])
    func clash(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            let first = try await rig.put(kind.name, .object(kind.example("a")))
            _ = try await rig.put(kind.name, .object(kind.example("b")))
            var body = kind.example("b")
            body["status"] = "inactive"
            let clash = await rig.send(.put, first.path(in: kind.name), .object(body))
            #expect(clash.status.code == 409)
            #expect(clash.json?["detail"] == "CATALOG_ENTRY_EXISTS")
            #expect(await rig.send(.get, first.path(in: kind.name)).json == first)
            #expect(try await rig.items("/audit").count == 2)
            // Its own key is no clash, and a free one is taken.
            #expect(await rig.send(.put, first.path(in: kind.name), .object(kind.example("a"))).status == .ok)
            let moved = await rig.send(.put, first.path(in: kind.name), .object(kind.example("c")))
            #expect(moved.json?[kind.key[0]] == "c")
            #expect(moved.json?["id"] == first["id"])
        }
    }

    @Test("a deleted row is gone, also for a second DELETE", arguments: CatalogKind.all)
    func delete(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            let row = try await rig.put(kind.name, .object(kind.example()))
            let answer = await rig.send(.delete, row.path(in: kind.name))
            #expect(answer.status == .ok)
            #expect(answer.json == ["status": "deleted"])
            #expect(await rig.send(.delete, row.path(in: kind.name)).json?["detail"] == "NOT_FOUND")
            #expect(await rig.send(.get, row.path(in: kind.name)).status.code == 404)
            #expect(try await rig.items("/\(kind.name)").isEmpty)
        }
    }

    /// Fields of a body, and what `base_models` and `base_model` are then.
    struct Models: Sendable {
        let given: JSON
        let models: JSON
        let model: JSON
    }

    @Test(
        "base_model is the one entry of base_models, or null",
        arguments: [
            Models(given: ["base_models": [" a ", ""]], models: ["a"], model: "a"),
            Models(given: ["base_models": ["a", "b"]], models: ["a", "b"], model: nil),
            Models(given: ["base_models": [" ", ""]], models: nil, model: nil),
            Models(given: ["base_models": []], models: nil, model: nil),
            Models(given: ["base_model": " a "], models: ["a"], model: "a"),
            Models(given: ["base_model": " "], models: nil, model: nil),
            Models(given: ["base_model": "x", "base_models": ["a"]], models: ["a"], model: "a"),
            Models(given: ["base_model": "x", "base_models": ["a", "b"]], models: ["a", "b"], model: nil),
            Models(given: ["base_model": "x", "base_models": nil], models: ["x"], model: "x"),
            Models(given: ["base_model": "x", "base_models": []], models: nil, model: nil),
            Models(given: ["base_model": "x", "base_models": [" "]], models: nil, model: nil),
            Models(given: ["base_model": nil, "base_models": nil], models: nil, model: nil),
            Models(given: [:], models: nil, model: nil),
        ])
    func newBaseModels(_ models: Models) async throws {
        try await withCatalogs { rig in
            var body = CatalogKind.loras.example()
            for (name, value) in models.given.objectValue ?? [:] { body[name] = value }
            let row = try await rig.put("loras", .object(body))
            #expect(row["base_models"] == models.models)
            #expect(row["base_model"] == models.model)
            #expect(try await rig.items("/loras") == [row])
        }
    }

    @Test(
        "the same holds for a change of a row with one base model, and of one with two",
        arguments: [
            (Models(given: ["base_model": "b"], models: ["b"], model: "b"), ["a"]),
            (Models(given: ["base_model": "b"], models: ["b"], model: "b"), ["a", "b"]),
            (Models(given: ["base_model": nil], models: nil, model: nil), ["a"]),
            // There `base_model` was null before: nothing is taken away.
            (Models(given: ["base_model": nil], models: ["a", "b"], model: nil), ["a", "b"]),
            (Models(given: ["base_models": nil], models: nil, model: nil), ["a", "b"]),
            (Models(given: ["base_models": ["b", "c"]], models: ["b", "c"], model: nil), ["a"]),
            // A whole row that was read, and whose list was emptied.
            (Models(given: ["base_models": [], "base_model": "a"], models: nil, model: nil), ["a"]),
            (Models(given: ["display_name": "x"], models: ["a"], model: "a"), ["a"]),
        ] as [(Models, [String])])
    func changedBaseModels(_ models: Models, before: [String]) async throws {
        try await withCatalogs { rig in
            var body = CatalogKind.loras.example()
            body["base_models"] = .array(before.map { .string($0) })
            let row = try await rig.put("loras", .object(body))
            let changed = await rig.send(.put, row.path(in: "loras"), models.given)
            #expect(changed.json?["base_models"] == models.models)
            #expect(changed.json?["base_model"] == models.model)
            #expect(try await rig.items("/loras").first == changed.json)
        }
    }

    @Test("filling what is empty never touches base models that are there")
    func fill() async throws {
        try await withCatalogs { rig in
            var body = CatalogKind.loras.example()
            body["base_models"] = ["a", "b"]
            _ = try await rig.put("loras", .object(body))
            let outcome = try await rig.upsert(
                .loras, ["file_name": "a", "display_name": "x", "base_model": "c", "tags": ["t"]], existing: .fill)
            #expect(outcome["base_models"] == ["a", "b"])
            #expect(outcome["base_model"] == .null)
            #expect(outcome["display_name"] == "a")
            #expect(outcome["tags"] == ["t"])
            let kept = try await rig.upsert(.loras, ["file_name": "a", "display_name": "x"], existing: .keep)
            #expect(kept["display_name"] == "a")
        }
    }
}

extension CatalogsRig {
    /// Adds or changes a row as an import does.
    func upsert(
        _ kind: CatalogKind, _ body: JSONObject, existing: CatalogWriter.Existing
    ) async throws -> JSONObject {
        let fields = try CatalogFields(kind, new: BodyForm(body))
        let author = ChangeAuthor(Request(id: "import", method: .post, target: "/"))
        return try await host.plugin.store.change(kind, by: author) {
            try $0.upsert(fields, existing: existing).entry.values
        }
    }
}
