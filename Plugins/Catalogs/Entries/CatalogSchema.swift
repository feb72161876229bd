import PluginAPI

/// The tables of the catalogs; append-only.
enum CatalogSchema {
    /// The four tables with their indices.
    ///
    /// The column `search` is what `q` looks into, in lower case. The index by `updated_at` has it and all that filters
    /// compare, so that rows which are not asked for are never read.
    static let migration = Migration("001-catalogs") { dialect in
        // Names differ by case on the servers' disks, so they do here.
        let exact = dialect.name == "mysql" ? " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" : ""
        let long = dialect.longText
        let tail = """
            status VARCHAR(32) NOT NULL, search \(long) NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL
            """
        let tables = [
            """
            CREATE TABLE catalogs_loras (
                id \(dialect.autoIncrementKey), file_name VARCHAR(256)\(exact) NOT NULL, display_name VARCHAR(128) NOT NULL,
                description \(long), base_model VARCHAR(256), base_models \(long), tags \(long), trigger_words \(long),
                \(tail), UNIQUE (file_name))
            """,
            """
            CREATE TABLE catalogs_models (
                id \(dialect.autoIncrementKey), file_name VARCHAR(256)\(exact) NOT NULL, display_name VARCHAR(128) NOT NULL,
                model_type VARCHAR(64)\(exact) NOT NULL, description \(long), source_url \(long), download_url \(long),
                tags \(long), \(tail), UNIQUE (file_name, model_type))
            """,
            """
            CREATE TABLE catalogs_plugins (
                id \(dialect.autoIncrementKey), node_key VARCHAR(128)\(exact) NOT NULL, display_name VARCHAR(128) NOT NULL,
                package_name VARCHAR(128), version VARCHAR(64), description \(long), source_url \(long),
                download_url \(long), tags \(long), \(tail), UNIQUE (node_key))
            """,
            """
            CREATE TABLE catalogs_versions (
                id \(dialect.autoIncrementKey), version VARCHAR(64)\(exact) NOT NULL, commit_sha VARCHAR(64),
                repo_url \(long), source_url \(long), download_url \(long), released_at BIGINT, notes \(long),
                \(tail), UNIQUE (version))
            """,
        ]
        let indices = CatalogKind.all.map { kind in
            let columns =
                ["updated_at", "id"] + kind.filters.map(\.column) + (dialect.name == "mysql" ? [] : ["search"])
            return "CREATE INDEX \(kind.table)_order ON \(kind.table) (\(columns.joined(separator: ", ")))"
        }
        return (tables + indices).map { SQL(text: $0, values: []) } + [LoraFiles.index]
    }
}
