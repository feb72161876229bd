import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// The audit table and how it is read.
@Suite("each change of a catalog is in the audit table")
struct AuditTests {
    private let key = Principal(kind: .apiKey, id: "k1", name: "Key", scopes: ["catalogs"])

    @Test("a row's life: who, when, what before, what after", arguments: CatalogKind.all)
    func life(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            let created = try await rig.put(kind.name, .object(kind.fullExample()))
            rig.host.clock.advance(by: .seconds(1))
            let path = "/api/admin/comfyui" + created.path(in: kind.name)
            let changed = await rig.host.send(.put, path, json: ["status": "inactive"], principal: key)
            rig.host.clock.advance(by: .seconds(1))
            let deleted = await rig.send(.delete, created.path(in: kind.name))
            let lines = try await rig.items("/audit")
            let first = CatalogEntry.stored(created)
            let second = CatalogEntry.stored(changed.json)
            let name = kind.key.map { _ in "a" }.joined(separator: "/")
            #expect(lines.map { $0["action"] } == ["delete", "update", "create"])
            #expect(lines.map { $0["before"] } == [second, first, .null])
            #expect(lines.map { $0["after"] } == [.null, second, first])
            #expect(lines.map { $0["actor"] } == ["admin", "key:k1", "admin"])
            #expect(lines.map { $0["at"]?.stringValue?.suffix(6) } == ["2.000Z", "1.000Z", "0.000Z"])
            #expect(lines.map { $0["request_id"]?.stringValue }.first == deleted.headers["X-Request-Id"])
            for line in lines {
                #expect(line["subject"]?.stringValue == kind.name)
                #expect(line["row_id"] == "1")
                #expect(line["row_key"]?.stringValue == name)
                #expect(line["address"] == "127.0.0.1")
            }
            #expect(lines.map { $0["id"] } == [3, 2, 1])
        }
    }

    @Test("what was refused left no line")
    func refused() async throws {
        try await withCatalogs { rig in
            _ = await rig.send(.post, "/loras", ["file_name": "a"])
            _ = await rig.send(.put, "/loras/1", ["status": "x"])
            _ = await rig.send(.delete, "/loras/1")
            let lines = try await rig.items("/audit")
            #expect(lines.isEmpty)
        }
    }

    @Test("each parameter narrows the list")
    func parameters() async throws {
        try await withCatalogs { rig in
            let row = try await rig.put("loras", ["file_name": "a", "display_name": "a"])
            _ = try await rig.put("version-catalog", ["version": "v1"])
            rig.host.clock.advance(by: .seconds(10))
            let path = "/api/admin/comfyui" + row.path(in: "loras")
            let change = await rig.host.send(.put, path, json: ["status": "x"], principal: key)
            let request = try #require(change.headers["X-Request-Id"])
            _ = try await rig.put("loras", ["file_name": "b", "display_name": "b"])
            rig.host.clock.advance(by: .seconds(10))
            _ = await rig.send(.delete, "/version-catalog/1")
            func lines(_ query: String) async throws -> [JSON?] {
                try await rig.items("/audit?\(query)").map { $0["id"] }
            }
            #expect(try await lines("") == [5, 4, 3, 2, 1])
            #expect(try await lines("subject=loras") == [4, 3, 1])
            #expect(try await lines("row_id=1") == [5, 3, 2, 1])
            #expect(try await lines("subject=loras&row_id=1") == [3, 1])
            #expect(try await lines("action=create") == [4, 2, 1])
            #expect(try await lines("actor=key:k1") == [3])
            #expect(try await lines("actor=admin&subject=version-catalog") == [5, 2])
            #expect(try await lines("request_id=\(request)") == [3])
            #expect(try await lines("since=2026-01-01T00:00:10Z") == [5, 4, 3])
            #expect(try await lines("until=2026-01-01T00:00:10Z") == [2, 1])
            #expect(try await lines("since=2026-01-01T08:00:10%2B08:00&until=1767225620000") == [4, 3])
            #expect(try await lines("limit=2&offset=1") == [4, 3])
            #expect(try await lines("subject=nothing") == [])
            for (query, problem) in [
                ("action=read", "enum query.action"), ("limit=0", "greater_than_equal query.limit"),
                ("limit=1001", "less_than_equal query.limit"), ("offset=-1", "greater_than_equal query.offset"),
                ("since=never", "datetime_parsing query.since"),
            ] {
                #expect(await rig.send(.get, "/audit?\(query)").problems == [problem])
            }
        }
    }

    @Test("a hundred lines without a limit, a thousand with one, in batches")
    func pages() async throws {
        try await withCatalogs { rig in
            try await rig.fill(.plugins, 1050)
            func ids(_ query: String) async throws -> [Int?] {
                try await rig.items("/audit\(query)").map { $0["id"]?.intValue }
            }
            #expect(try await ids("") == Array((951...1050).reversed()))
            #expect(try await ids("?limit=1000") == Array((51...1050).reversed()))
            #expect(try await ids("?limit=101&offset=949") == Array((1...101).reversed()))
        }
    }

    @Test("lines older than the retention are deleted in batches, the others stay")
    func retention() async throws {
        try await withCatalogs(configuration: ["audit_retention": "1d"]) { rig in
            try await rig.fill(.plugins, 1200)
            // Exactly a day old is not older than a day.
            for (pause, left) in [(86_400, 1000), (600, 1)] {
                await rig.host.clock.waitForSleepers()
                rig.host.clock.advance(by: .seconds(pause))
                await rig.host.clock.waitForSleepers()
                #expect(try await rig.items("/audit?limit=1000").count == left)
                if left > 1 { _ = try await rig.put("loras", ["file_name": "a", "display_name": "a"]) }
            }
            #expect(try await rig.items("/audit").map { $0["subject"] } == ["loras"])
            // The rows themselves are no history.
            #expect(try await rig.items("/plugin-catalog?limit=2000").count == 1200)
        }
    }

    @Test("without a retention nothing is ever deleted")
    func forEver() async throws {
        try await withCatalogs { rig in
            _ = try await rig.put("loras", ["file_name": "a", "display_name": "a"])
            #expect(rig.host.clock.sleepers == 0)
            rig.host.clock.advance(by: .seconds(86_400 * 3650))
            #expect(try await rig.items("/audit").count == 1)
        }
    }
}

extension CatalogEntry {
    /// A row as the audit table has it: without what is not stored.
    static func stored(_ row: JSON?) -> JSON {
        var fields = row?.objectValue ?? [:]
        fields["installed"] = nil
        return .object(fields)
    }
}
