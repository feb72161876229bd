import PluginAPI

/// Which rows of a catalog are asked for.
struct CatalogQuery: Sendable {
    /// Looked for in the searched fields, whatever the letters' case; empty finds all.
    var text = ""
    /// The value that a column must have.
    var equal: [(column: String, value: String)] = []
    /// How many rows at most; `nil` for all.
    var limit: Int?
    /// How many rows are skipped.
    var offset = 0

    /// All rows.
    init() {}

    /// Reads a request's query.
    init(_ kind: CatalogKind, _ form: inout QueryForm) {
        text = form.text("q") ?? ""
        for (parameter, column) in kind.filters {
            if let value = form.text(parameter) { equal.append((column, value)) }
        }
        limit = form.integer("limit", in: 1...Self.largestPage)
        offset = form.integer("offset", in: 0...Int(Int32.max)) ?? 0
    }

    private static let largestPage = 100_000

    /// The parameters, for `/openapi.json`.
    static func docs(_ kind: CatalogKind) -> [QueryDoc] {
        [QueryDoc("q", "Looks for a text in \(kind.searched.joined(separator: ", ")), whatever the letters' case.")]
            + kind.filters.map { QueryDoc($0.parameter, "The exact \($0.column).") } + [
                QueryDoc(
                    "limit", "How many rows at most; all without it.",
                    schema: ["type": "integer", "minimum": 1, "maximum": .number(JSONNumber(largestPage))]),
                QueryDoc(
                    "offset", "How many rows to skip.",
                    schema: ["type": "integer", "minimum": 0, "maximum": .number(JSONNumber(Int(Int32.max)))]),
            ]
    }

    /// The statement that gives the numbers of the rows, the last changed first.
    func statement(_ kind: CatalogKind) -> SQL {
        let statement = filtered(kind, "id") + " ORDER BY updated_at DESC, id DESC"
        guard limit != nil || offset > 0 else { return statement }
        return statement + " LIMIT \(limit ?? Int(Int32.max)) OFFSET \(offset)"
    }

    /// The statement that gives the rows in the order in which they were added, from a number on.
    func statement(_ kind: CatalogKind, after id: Int64, limit: Int) -> SQL {
        filtered(kind, "*") + " AND id > \(id) ORDER BY id LIMIT \(limit)"
    }

    private func filtered(_ kind: CatalogKind, _ columns: SQL) -> SQL {
        var statement: SQL = "SELECT \(columns) FROM \(identifier: kind.table) WHERE 1 = 1"
        for (column, value) in equal { statement = statement + " AND \(identifier: column) = \(value)" }
        if !text.isEmpty { statement = statement + " AND INSTR(search, \(text.lowercased())) > 0" }
        return statement
    }
}
