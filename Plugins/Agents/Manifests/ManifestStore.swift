import PluginAPI

/// The manifests on disk.
struct ManifestStore: Sendable {
    private let database: any Database

    /// Works on a database.
    init(database: any Database) {
        self.database = database
    }

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
}

extension Manifest {
    /// Reads a row.
    init(_ row: Row) throws {
        self.init(
            id: try row.get("id"), role: try row.get("role"), version: try row.get("version"),
            status: try row.get("status"), downloadURL: try row.optional("download_url"),
            content: try row.optional("content", as: String.self).flatMap { try? JSON(parsing: $0).objectValue },
            notes: try row.optional("notes"), createdAt: try row.get("created_at"), updatedAt: try row.get("updated_at"))
    }
}
