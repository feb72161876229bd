import PluginAPI

/// The manifests on disk.
struct ManifestStore: Sendable {
    /// The daemon's database.
    let database: any Database

    /// The table; append-only.
    static let migration = Migration("002-manifests") { dialect in
        [
            SQL(
                text: """
                    CREATE TABLE agents_manifests (
                        id \(dialect.autoIncrementKey), role VARCHAR(64) NOT NULL, version VARCHAR(64) NOT NULL,
                        status VARCHAR(32) NOT NULL, download_url VARCHAR(2048), content \(dialect.longText),
                        notes \(dialect.longText), created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
                        UNIQUE (role, version))
                    """, values: [])
        ]
    }

    /// A manifest.
    ///
    /// - Throws: ``HTTPError`` 404 `AGENT_MANIFEST_NOT_FOUND`; ``DatabaseError``.
    func find(_ id: Int64) async throws -> Manifest {
        let found = try await database.read { connection in
            try connection.first("SELECT * FROM agents_manifests WHERE id = \(id)", Manifest.init)
        }
        guard let found else { throw HTTPError(.manifestNotFound) }
        return found
    }

    /// The newest manifests, the last changed first.
    ///
    /// - Throws: ``DatabaseError``.
    func list(role: String?, status: String?, limit: Int, offset: Int = 0) async throws -> [Manifest] {
        var query: SQL = "SELECT * FROM agents_manifests WHERE 1 = 1"
        if let role { query = query + " AND role = \(role)" }
        if let status { query = query + " AND status = \(status)" }
        let statement = query + " ORDER BY updated_at DESC, id DESC LIMIT \(limit) OFFSET \(offset)"
        return try await database.read { try $0.all(statement, Manifest.init) }
    }

    /// Adds a manifest that a body fills.
    ///
    /// - Throws: ``HTTPError`` 409 `AGENT_MANIFEST_EXISTS`; ``DatabaseError``.
    func insert(at time: Timestamp, _ fill: @escaping @Sendable (inout Manifest) -> Void) async throws -> Manifest {
        try await unique { connection in
            var manifest = Manifest(id: 0, role: "", version: "", createdAt: time, updatedAt: time)
            fill(&manifest)
            let id = try connection.execute(
                """
                INSERT INTO agents_manifests (role, version, status, download_url, content, notes, created_at, updated_at)
                VALUES (\(manifest.role), \(manifest.version), \(manifest.status), \(manifest.downloadURL),
                    \(manifest.content), \(manifest.notes), \(time), \(time))
                """
            ).lastInsertID
            return manifest.with(id: id)
        }
    }

    /// Changes a manifest.
    ///
    /// - Throws: ``HTTPError`` 404 `AGENT_MANIFEST_NOT_FOUND`, 409 `AGENT_MANIFEST_EXISTS`; ``DatabaseError``.
    func change(
        _ id: Int64, at time: Timestamp, _ body: @escaping @Sendable (inout Manifest) -> Void
    ) async throws -> Manifest {
        try await unique { connection in
            let query: SQL = "SELECT * FROM agents_manifests WHERE id = \(id)"
            guard var manifest = try connection.first(query, Manifest.init) else { throw HTTPError(.manifestNotFound) }
            body(&manifest)
            manifest.updatedAt = time
            try connection.execute(
                """
                UPDATE agents_manifests SET role = \(manifest.role), version = \(manifest.version),
                    status = \(manifest.status), download_url = \(manifest.downloadURL),
                    content = \(manifest.content), notes = \(manifest.notes), updated_at = \(time)
                WHERE id = \(id)
                """)
            return manifest
        }
    }

    private func unique(_ body: @escaping @Sendable (any SQLConnection) throws -> Manifest) async throws -> Manifest {
        do {
            return try await database.write(body)
        } catch let error as DatabaseError where error.reason == .constraint {
            throw HTTPError(.manifestExists, cause: error)
        }
    }
}

extension Manifest {
    /// Reads a row.
    init(_ row: Row) throws {
        self.init(
            id: try row.get("id"), role: try row.get("role"), version: try row.get("version"),
            status: try row.get("status"), downloadURL: try row.optional("download_url"),
            content: try row.object("content"),
            notes: try row.optional("notes"), createdAt: try row.get("created_at"), updatedAt: try row.get("updated_at")
        )
    }
}
