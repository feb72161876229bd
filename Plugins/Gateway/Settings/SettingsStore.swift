import ComfyUI
import PluginAPI

/// The settings on disk; secrets are sealed.
struct SettingsStore: Sendable {
    /// The settings there are.
    private enum Name: String {
        case workerUsername = "worker_auth_username"
        case workerPassword = "worker_auth_password"
    }

    private let database: any Database
    private let secrets: any SecretSealing

    /// Works on a database.
    init(database: any Database, secrets: any SecretSealing) {
        self.database = database
        self.secrets = secrets
    }

    /// The saved credentials for workers.
    ///
    /// - Throws: ``DatabaseError``; what the sealing throws when the key was changed.
    func workerCredentials() async throws -> CredentialParts {
        let rows = try await database.read { connection in
            try connection.all("SELECT name, value, sealed FROM gateway_settings") { row in
                (
                    name: try row.get("name", as: String.self), value: try row.get("value", as: String.self),
                    isSealed: try row.get("sealed", as: Bool.self)
                )
            }
        }
        var parts = CredentialParts()
        for row in rows {
            switch Name(rawValue: row.name) {
            case .workerUsername: parts.username = row.value
            case .workerPassword: parts.password = row.isSealed ? try secrets.open(row.value) : Secret(row.value)
            case nil: continue
            }
        }
        return parts
    }

    /// Replaces the saved credentials for workers; an empty part is removed.
    ///
    /// - Throws: ``DatabaseError``; what the sealing throws.
    func save(_ parts: CredentialParts) async throws {
        let sealed = parts.password.isEmpty ? nil : try secrets.seal(parts.password)
        let username = parts.username.isEmpty ? nil : parts.username
        let tail = database.dialect.upsert(key: ["name"], update: ["value", "sealed"])
        try await database.write { connection in
            for (name, value, isSealed) in [(Name.workerUsername, username, false), (.workerPassword, sealed, true)] {
                guard let value else {
                    try connection.execute("DELETE FROM gateway_settings WHERE name = \(name.rawValue)")
                    continue
                }
                try connection.execute(
                    """
                    INSERT INTO gateway_settings (name, value, sealed) VALUES (\(name.rawValue), \(value), \(isSealed))
                    \(unsafe: tail)
                    """)
            }
        }
    }
}
