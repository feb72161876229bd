import PluginAPI

/// Changes rows of one catalog within a transaction, and writes the audit table.
struct CatalogWriter {
    /// The transaction.
    let connection: any SQLConnection
    /// The catalog.
    let kind: CatalogKind
    /// Who wishes it.
    let author: ChangeAuthor
    /// When.
    let time: Timestamp

    /// What an upsert does to a row that is there.
    enum Existing: String, Sendable, CaseIterable {
        /// The fields that were given replace what is there.
        case update
        /// Only what is empty is filled.
        case fill
        /// It stays as it is.
        case keep
    }

    /// What became of a row.
    enum Outcome: Sendable {
        /// It is new.
        case created(CatalogEntry)
        /// It was changed.
        case changed(CatalogEntry)
        /// It was like that.
        case unchanged(CatalogEntry)

        /// The row.
        var entry: CatalogEntry {
            switch self {
            case .created(let entry), .changed(let entry), .unchanged(let entry): entry
            }
        }
    }

    /// Adds a row, or changes the one with the same key; what was not given stays.
    ///
    /// - Throws: ``DatabaseError``.
    func upsert(_ fields: CatalogFields, existing: Existing = .update) throws -> Outcome {
        guard let entry = try find(fields) else { return .created(try insert(fields)) }
        switch existing {
        case .keep: return .unchanged(entry)
        case .update: return try change(entry, fields.values)
        case .fill:
            var missing: JSONObject = [:]
            for (name, value) in fields.values where entry.values[name]?.isNull ?? true { missing[name] = value }
            return try change(entry, missing)
        }
    }

    /// Changes a row.
    ///
    /// - Throws: ``HTTPError`` 404 `NOT_FOUND`, 409 `CATALOG_ENTRY_EXISTS` when another row has the new key; ``DatabaseError``.
    func update(_ id: Int64, _ fields: CatalogFields) throws -> Outcome {
        guard let entry = try self.entry(id) else { throw HTTPError.noSuchEntry(kind) }
        do {
            return try change(entry, fields.values)
        } catch let error as DatabaseError where error.reason == .constraint {
            throw HTTPError(
                .conflict, "CATALOG_ENTRY_EXISTS",
                "Another \(kind.noun) has this \(kind.key.joined(separator: " and ")).", cause: error)
        }
    }

    /// Removes a row.
    ///
    /// - Throws: ``HTTPError`` 404 `NOT_FOUND`; ``DatabaseError``.
    func delete(_ id: Int64) throws {
        guard let entry = try self.entry(id) else { throw HTTPError.noSuchEntry(kind) }
        try connection.execute("DELETE FROM \(identifier: kind.table) WHERE id = \(id)")
        try audit(.delete, before: entry, after: nil)
    }

    /// The row with a number.
    ///
    /// - Throws: ``DatabaseError``.
    func entry(_ id: Int64) throws -> CatalogEntry? {
        try connection.first("SELECT * FROM \(identifier: kind.table) WHERE id = \(id)") { try CatalogEntry(kind, $0) }
    }

    /// The row with the key of some fields.
    ///
    /// - Throws: ``DatabaseError``.
    func find(_ fields: CatalogFields) throws -> CatalogEntry? {
        var query: SQL = "SELECT * FROM \(identifier: kind.table) WHERE 1 = 1"
        for name in kind.key { query = query + " AND \(identifier: name) = \(fields.values[name]?.stringValue ?? "")" }
        return try connection.first(query) { try CatalogEntry(kind, $0) }
    }

    private func insert(_ fields: CatalogFields) throws -> CatalogEntry {
        var values: JSONObject = [:]
        for column in kind.columns {
            values[column.name] = fields.values[column.name] ?? column.initial.map { .string($0) } ?? .null
        }
        kind.settle(&values, fields.values)
        let names = kind.columns.map(\.name) + ["search", "created_at", "updated_at"]
        let bound =
            kind.columns.map { $0.stored(values[$0.name] ?? .null) }
            + [.text(searchText(values)), time.sqlValue, time.sqlValue]
        let result = try connection.execute(
            SQL(
                text: "INSERT INTO \(kind.table) (\(names.joined(separator: ", "))) VALUES ("
                    + names.map { _ in "?" }.joined(separator: ", ") + ")", values: bound))
        let entry = CatalogEntry(id: result.lastInsertID, values: values, createdAt: time, updatedAt: time)
        try audit(.create, before: nil, after: entry)
        return entry
    }

    private func change(_ entry: CatalogEntry, _ given: JSONObject) throws -> Outcome {
        var changed = entry
        for (name, value) in given where entry.values.contains(name) { changed.values[name] = value }
        kind.settle(&changed.values, given)
        let columns = kind.columns.filter { changed.values[$0.name] != entry.values[$0.name] }
        guard !columns.isEmpty else { return .unchanged(entry) }
        changed.updatedAt = time
        var update: SQL =
            "UPDATE \(identifier: kind.table) SET updated_at = \(time), search = \(searchText(changed.values))"
        for column in columns {
            let value = column.stored(changed.values[column.name] ?? .null)
            update = update + SQL(text: ", \(column.name) = ?", values: [value])
        }
        try connection.execute(update + " WHERE id = \(entry.id)")
        try audit(.update, before: entry, after: changed)
        return .changed(changed)
    }

    /// What `q` is looked for in.
    private func searchText(_ values: JSONObject) -> String {
        kind.searched.compactMap { values[$0]?.stringValue }.joined(separator: "\n").lowercased()
    }

    private func audit(_ action: AuditAction, before: CatalogEntry?, after: CatalogEntry?) throws {
        guard let entry = after ?? before else { return }
        try AuditLog.write(
            connection, subject: kind.name, rowID: String(entry.id), rowKey: entry.keyText(kind), action: action,
            before: before?.json, after: after?.json, by: author, at: time)
    }
}

extension HTTPError {
    /// 404 for a row that is not there.
    static func noSuchEntry(_ kind: CatalogKind) -> HTTPError {
        HTTPError(.notFound, "NOT_FOUND", "There is no such \(kind.noun).")
    }
}
