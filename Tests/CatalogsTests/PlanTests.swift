import Host
import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// How SQLite answers the lists: what it would have to sort, or read row by row, is too slow in a large catalog.
@Suite("lists follow an index, whatever is asked for")
struct PlanTests {
    @Test("the rows of a catalog", arguments: CatalogKind.all)
    func entries(kind: CatalogKind) async throws {
        try await withCatalogs { rig in
            let filters = kind.filters.map { "\($0.parameter)=x" }
            for query in [""] + filters + [
                "q=x", "limit=5&offset=5", (filters + ["q=x", "limit=5"]).joined(separator: "&"),
            ] {
                var form = QueryForm(QueryItems(parsing: query[...]))
                let plan = try await rig.plan(CatalogQuery(kind, &form).statement(kind))
                #expect(plan == ["SCAN \(kind.table) USING COVERING INDEX \(kind.table)_order"])
            }
        }
    }

    @Test(
        "the lines of the audit table",
        arguments: [
            ("", "SCAN catalogs_audit USING COVERING INDEX catalogs_audit_order"),
            ("subject=x&action=create&actor=x", "SCAN catalogs_audit USING COVERING INDEX catalogs_audit_order"),
            ("since=1&until=9", "SEARCH catalogs_audit USING COVERING INDEX catalogs_audit_order (at>? AND at<?)"),
            ("row_id=1", "SEARCH catalogs_audit USING COVERING INDEX catalogs_audit_row (row_id=?)"),
            ("row_id=1&subject=x", "SEARCH catalogs_audit USING INDEX catalogs_audit_row (row_id=?)"),
            ("request_id=1&action=create", "SEARCH catalogs_audit USING INDEX catalogs_audit_request (request_id=?)"),
        ])
    func audit(query: String, plan: String) async throws {
        try await withCatalogs { rig in
            var form = QueryForm(QueryItems(parsing: query[...]))
            let found = try await rig.plan(AuditQuery(&form).statement)
            #expect(found == [plan])
        }
    }
}

extension CatalogsRig {
    /// The steps of SQLite's plan for a statement.
    fileprivate func plan(_ statement: SQL) async throws -> [String] {
        try await host.database.read { connection in
            try connection.all("EXPLAIN QUERY PLAN \(statement)") { try $0.get("detail") }
        }
    }
}
