import PluginAPI

/// Which files the table of LoRAs knows.
struct LoraFiles: Sendable {
    /// The daemon's database.
    let database: any Database

    /// The table's file names as they are compared: `\` between folders, as servers on Windows have it, counts as `/`.
    private static let path: SQL = "REPLACE(file_name, CHAR(92), '/')"
    /// Finds rows by that; without it a look would read the whole table.
    static let index = "CREATE INDEX catalogs_loras_path ON catalogs_loras ((" + path + "))"
    /// How many names one statement asks for; engines have a limit of bound values.
    private static let namesPerQuery = 500

    /// Those of some names that the table has, whatever their status.
    ///
    /// - Throws: ``DatabaseError``.
    func known(among names: Set<NameKey>) async throws -> Set<NameKey> {
        let paths = names.map(\.text)
        return try await database.read { connection in
            var known: Set<NameKey> = []
            for start in stride(from: 0, to: paths.count, by: Self.namesPerQuery) {
                var some = Array(paths.dropFirst(start).prefix(Self.namesPerQuery))
                // Always so many, because each length would be a statement to prepare.
                while let last = some.last, some.count < Self.namesPerQuery { some.append(last) }
                let query: SQL = "SELECT file_name FROM catalogs_loras WHERE " + Self.path + " IN (\(SQL.list(some)))"
                try connection.forEach(query) { known.insert(NameKey(try $0.get("file_name"), "lora")) }
            }
            return known
        }
    }
}
