import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// The lists of the four catalogs: `spec/catalogs.md` §0.
@Suite("lists: order, search, filters, parts")
struct EntryListTests {
    @Test("the last changed row is first, and of equal times the newer row", arguments: CatalogKind.all)
    func order(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            var rows: [JSON] = []
            for name in ["a", "b", "c", "d"] {
                rows.append(try await rig.put(kind.name, .object(kind.example(name))))
                if name == "b" { rig.host.clock.advance(by: .milliseconds(1)) }
            }
            #expect(try await rig.list("/\(kind.name)", kind.key[0]) == ["d", "c", "b", "a"])
            rig.host.clock.advance(by: .milliseconds(1))
            #expect(await rig.send(.put, rows[0].path(in: kind.name), ["status": "x"]).status == .ok)
            #expect(try await rig.list("/\(kind.name)", kind.key[0]) == ["a", "d", "c", "b"])
        }
    }

    @Test(
        "q is a literal part of a text, whatever the case",
        arguments: [
            ("100%", ["100%_SDXL\\x"]), ("%25", ["100%_SDXL\\x"]), ("_sdxl", ["100%_SDXL\\x"]),
            ("%5C", ["100%_SDXL\\x"]),
            ("_", ["100%_SDXL\\x"]), ("ÄÖ", ["xäöŞ", "Äön"]), ("%C5%9F", ["xäöŞ"]), ("МОДЕЛЬ", ["модель"]),
            ("杯子", ["红杯子"]), ("杯  子", []), ("", ["xäöŞ", "Äön", "модель", "红杯子", "100%_SDXL\\x"]), ("%00", []),
            ("'", []),
        ])
    func search(text: String, found: [String]) async throws {
        try await withCatalogs { rig in
            for name in ["100%_SDXL\\x", "红杯子", "модель", "Äön", "xäöŞ"] {
                _ = try await rig.put("loras", ["file_name": .string(name), "display_name": "d"])
            }
            let query = text.hasSuffix("%") ? text + "25" : text
            #expect(try await rig.list("/loras?q=\(query)", "file_name") == found)
        }
    }

    @Test("q looks into the fields that the catalog names, and into no other", arguments: CatalogKind.all)
    func searchedFields(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            for column in kind.columns where column.kind != .moment {
                var body = kind.fullExample("a")
                let value = "https://x/needle-\(column.name)"
                body[column.name] = column.kind == .words ? [.string(value)] : .string(String(value.suffix(32)))
                if case .url = column.kind { body[column.name] = .string(value) }
                let isKey = kind.key.contains(column.name)
                if !isKey { body[kind.key[0]] = .string("key-of-\(column.name)") }
                _ = try await rig.put(kind.name, .object(body))
            }
            for column in kind.columns where column.kind != .moment {
                let found = try await rig.items("/\(kind.name)?q=NEEDLE-\(column.name)")
                let expected = kind.searched.contains(column.name) ? 1 : 0
                // `base_model` would be found by its list, which is not searched either.
                #expect(found.count == expected, "\(column.name)")
            }
        }
    }

    @Test("a changed name is found by its new text only")
    func searchAfterChange() async throws {
        try await withCatalogs { rig in
            let row = try await rig.put("plugin-catalog", ["node_key": "KSampler", "display_name": "Old Name"])
            _ = await rig.send(.put, row.path(in: "plugin-catalog"), ["display_name": "New Name"])
            #expect(try await rig.items("/plugin-catalog?q=old").isEmpty)
            #expect(try await rig.items("/plugin-catalog?q=new").count == 1)
            #expect(try await rig.items("/plugin-catalog?q=ksam").count == 1)
        }
    }

    @Test("status and type are exact, and all parameters count together")
    func filters() async throws {
        try await withCatalogs { rig in
            for (name, type, status) in [
                ("a1", "unet", "active"), ("a2", "unet", "inactive"), ("a3", "clip", "active"),
                ("b1", "unet", "active"),
            ] {
                _ = try await rig.put(
                    "model-catalog",
                    [
                        "file_name": .string(name), "display_name": "x", "model_type": .string(type),
                        "status": .string(status),
                    ])
            }
            func names(_ query: String) async throws -> [String] {
                try await rig.list("/model-catalog?\(query)", "file_name")
            }
            #expect(try await names("status=inactive") == ["a2"])
            #expect(try await names("status=INACTIVE") == [])
            #expect(try await names("type=clip") == ["a3"])
            #expect(try await names("type=une") == [])
            #expect(try await names("type=unet&status=active&q=A") == ["a1"])
            #expect(try await names("type=&status=&q=") == ["b1", "a3", "a2", "a1"])
            #expect(try await names("type=unet&limit=1&offset=1") == ["a2"])
        }
    }

    @Test("limit and offset cut the list, and refuse what they cannot be", arguments: CatalogKind.all)
    func parts(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            for name in ["a", "b", "c"] { _ = try await rig.put(kind.name, .object(kind.example(name))) }
            func names(_ query: String) async throws -> [String] {
                try await rig.list("/\(kind.name)?\(query)", kind.key[0])
            }
            #expect(try await names("limit=2") == ["c", "b"])
            #expect(try await names("limit=2&offset=2") == ["a"])
            #expect(try await names("offset=1") == ["b", "a"])
            #expect(try await names("offset=3") == [])
            #expect(try await names("offset=2147483647&limit=100000") == [])
            for (query, problem) in [
                ("limit=0", "greater_than_equal query.limit"), ("limit=100001", "less_than_equal query.limit"),
                ("limit=x", "int_parsing query.limit"), ("offset=-1", "greater_than_equal query.offset"),
                ("offset=99999999999999999999", "int_parsing query.offset"),
            ] {
                #expect(await rig.send(.get, "/\(kind.name)?\(query)").problems == [problem])
            }
        }
    }

    @Test("a list longer than a batch is whole and in order, with and without limits")
    func long() async throws {
        try await withCatalogs { rig in
            let count = CatalogStore.batch * 2 + 7
            try await rig.fill(.versions, count)
            let all = (0..<count).reversed().map { "v\($0)" }
            func names(_ query: String) async throws -> [String] {
                try await rig.list("/version-catalog\(query)", "version")
            }
            #expect(try await names("") == all)
            #expect(try await names("?q=v1") == all.filter { $0.hasPrefix("v1") })
            #expect(try await names("?limit=\(CatalogStore.batch)") == Array(all.prefix(CatalogStore.batch)))
            #expect(try await names("?limit=\(CatalogStore.batch + 1)") == Array(all.prefix(CatalogStore.batch + 1)))
            let part = all.dropFirst(3).prefix(CatalogStore.batch + 4)
            #expect(try await names("?offset=3&limit=\(CatalogStore.batch + 4)") == Array(part))
            #expect(try await names("?offset=\(count - 2)") == ["v1", "v0"])
        }
    }

    @Test("a row that is deleted while a long list is read is left out, one that changes is there once")
    func changing() async throws {
        try await withCatalogs { rig in
            let count = CatalogStore.batch + 3
            try await rig.fill(.versions, count)
            let page = try await rig.host.plugin.store.page(.versions, CatalogQuery(.versions))
            #expect(page.rest.count == 3)
            #expect(await rig.send(.delete, "/version-catalog/2").status == .ok)
            rig.host.clock.advance(by: .seconds(1))
            #expect(await rig.send(.put, "/version-catalog/1", ["notes": "new"]).status == .ok)
            let rest = try await rig.host.plugin.store.entries(.versions, page.rest)
            #expect(rest.map(\.id) == [3, 1])
            #expect(rest.last?.values["notes"] == "new")
        }
    }
}

extension CatalogsRig {
    /// Adds so many rows with the names `v0`, `v1` and so on.
    func fill(_ kind: CatalogKind, _ count: Int) async throws {
        let author = ChangeAuthor(Request(id: "fill", method: .post, target: "/"))
        _ = try await host.plugin.store.change(kind, by: author) { writer in
            for number in 0..<count {
                _ = try writer.upsert(CatalogFields(kind, trusted: kind.example("v\(number)")))
            }
        }
    }
}

extension CatalogQuery {
    /// A query without parameters.
    init(_ kind: CatalogKind) {
        var form = QueryForm(QueryItems())
        self.init(kind, &form)
    }
}
