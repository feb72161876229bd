import PluginAPI

/// The workers on disk; passwords are sealed.
struct WorkerStore: Sendable {
    private let database: any Database
    private let secrets: any SecretSealing

    /// Works on a database.
    init(database: any Database, secrets: any SecretSealing) {
        self.database = database
        self.secrets = secrets
    }

    /// All workers in order of registration, removed ones too.
    ///
    /// - Throws: ``DatabaseError``; what the sealing throws when the key was changed.
    func all() async throws -> [Worker] {
        let rows = try await database.read { connection in
            try connection.all("SELECT * FROM gateway_workers ORDER BY position, created_at, id") { row in
                (
                    Worker(
                        id: try row.get("id"), url: try row.get("url"), name: try row.get("name"),
                        weight: try row.get("weight"), enabled: try row.get("enabled"),
                        authUsername: try row.optional("auth_username"), isRemoved: try row.get("removed")),
                    try row.optional("auth_password_sealed", as: String.self)
                )
            }
        }
        return try rows.map { worker, sealed in
            var worker = worker
            worker.authPassword = try sealed.map { try secrets.open($0) }
            return worker
        }
    }

    /// Adds workers at the end, all or none.
    ///
    /// - Throws: ``DatabaseError``.
    func insert(_ workers: [Worker], at time: Timestamp) async throws {
        let sealed = try workers.map { try $0.authPassword.map { try secrets.seal($0) } }
        try await database.write { connection in
            let last = try connection.first("SELECT MAX(position) AS last FROM gateway_workers") { row in
                try row.optional("last", as: Int64.self)
            }
            var position = (last ?? nil) ?? 0
            for (worker, sealed) in zip(workers, sealed) {
                position += 1
                try connection.execute(
                    """
                    INSERT INTO gateway_workers (id, position, url, name, weight, enabled, removed, auth_username,
                        auth_password_sealed, created_at)
                    VALUES (\(worker.id), \(position), \(worker.url), \(worker.givenName), \(worker.weight),
                        \(worker.enabled), \(worker.isRemoved), \(worker.authUsername), \(sealed), \(time))
                    """)
            }
        }
    }

    /// Replaces what is stored of a worker.
    ///
    /// - Throws: ``DatabaseError``.
    func update(_ worker: Worker) async throws {
        let sealed = try worker.authPassword.map { try secrets.seal($0) }
        try await database.write { connection in
            _ = try connection.execute(
                """
                UPDATE gateway_workers SET url = \(worker.url), name = \(worker.givenName), weight = \(worker.weight),
                    enabled = \(worker.enabled), removed = \(worker.isRemoved), auth_username = \(worker.authUsername),
                    auth_password_sealed = \(sealed)
                WHERE id = \(worker.id)
                """)
        }
    }
}
