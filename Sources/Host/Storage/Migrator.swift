package import PluginAPI

/// Brings the tables of the plugins up to date, and remembers what was done in `comfyd_migrations`.
///
/// A plugin's tables start with its name and `_`, so that two plugins cannot meet.
package struct Migrator: Sendable {
    private struct Applied: Sendable {
        let id: String
        let checksum: String
    }

    private let database: any Database
    private let time: any TimeSource
    private let logger: Logger

    /// Makes a migrator for a database.
    package init(database: any Database, time: any TimeSource = MonotonicClock(), logger: Logger = Logger()) {
        self.database = database
        self.time = time
        self.logger = logger
    }

    /// Runs those migrations of a plugin that were not run before, in order, each in a transaction; returns their ids.
    ///
    /// Nothing runs when the list does not continue what was run before.
    ///
    /// - Throws: ``MigrationError`` that says what does not fit, or which migration failed.
    @discardableResult
    package func run(plugin: String, _ migrations: [Migration]) async throws -> [String] {
        try Self.checkOrder(plugin, migrations)
        do {
            _ = try await database.write { connection in
                try connection.execute(
                    """
                    CREATE TABLE IF NOT EXISTS comfyd_migrations (plugin VARCHAR(64) NOT NULL, id VARCHAR(128) NOT NULL,
                    checksum CHAR(64) NOT NULL, applied_at BIGINT NOT NULL, PRIMARY KEY (plugin, id))
                    """)
            }
            let pending = try Self.pending(plugin, migrations.map(step), applied: try await applied(plugin))
            for migration in pending { try await apply(migration, of: plugin) }
            return pending.map(\.id)
        } catch let error as DatabaseError {
            throw MigrationError("migrations of \(plugin): \(error)")
        }
    }

    private func applied(_ plugin: String) async throws -> [Applied] {
        try await database.read { connection in
            try connection.all("SELECT id, checksum FROM comfyd_migrations WHERE plugin = \(plugin) ORDER BY id") {
                row in
                Applied(id: try row.get("id"), checksum: try row.get("checksum"))
            }
        }
    }

    private func apply(_ step: Step, of plugin: String) async throws {
        let now = time.wallClock
        do {
            try await database.write { connection in
                for statement in step.statements { try connection.execute(statement) }
                try connection.execute(
                    """
                    INSERT INTO comfyd_migrations (plugin, id, checksum, applied_at)
                    VALUES (\(plugin), \(step.id), \(step.checksum), \(now))
                    """)
            }
        } catch let error as DatabaseError {
            throw MigrationError("migration \(plugin)/\(step.id) failed: \(error)")
        }
        logger.notice("applied a migration", ["plugin": plugin, "migration": step.id])
    }
}

// MARK: - What must hold

extension Migrator {
    /// A migration for the database's engine.
    private struct Step: Sendable {
        let id: String
        let statements: [SQL]
        let checksum: String
    }

    private func step(_ migration: Migration) -> Step {
        let statements = database.dialect.name == "mysql" ? migration.mysql : migration.sqlite
        return Step(id: migration.id, statements: statements, checksum: Self.checksum(statements))
    }

    /// The SHA-256 of all texts and values, each with its length so that none can run into the next.
    private static func checksum(_ statements: [SQL]) -> String {
        var bytes: [UInt8] = []
        for statement in statements {
            for part in [statement.text] + statement.values.map(form) {
                bytes += "\(part.utf8.count):\(part)".utf8
            }
        }
        return Hex.encode(SHA256.hash(bytes))
    }

    /// A value as a text that no other value has.
    private static func form(_ value: SQLValue) -> String {
        switch value {
        case .null: "null"
        case .integer(let value): "integer \(value)"
        case .real(let value): "real \(value)"
        case .text(let value): "text \(value)"
        case .blob(let value): "blob \(Hex.encode(value))"
        @unknown default: "\(value)"
        }
    }

    private static func checkOrder(_ plugin: String, _ migrations: [Migration]) throws {
        for (first, second) in zip(migrations, migrations.dropFirst()) where first.id >= second.id {
            throw MigrationError("migration \(plugin)/\(second.id) must not follow \(plugin)/\(first.id): ids go up")
        }
    }

    /// What is left to run.
    private static func pending(_ plugin: String, _ steps: [Step], applied: [Applied]) throws -> ArraySlice<Step> {
        let listed = Dictionary(steps.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for done in applied {
            guard let step = listed[done.id] else { throw unknown(done.id, plugin, last: steps.last?.id) }
            guard step.checksum == done.checksum else {
                throw MigrationError(
                    "migration \(plugin)/\(done.id) was changed after it was applied: "
                        + "the database has what it did before; undo the change and add a new migration instead")
            }
        }
        // All that was applied is listed, so it must be the list's beginning.
        for (done, step) in zip(applied, steps) where done.id != step.id {
            throw MigrationError(
                "migration \(plugin)/\(step.id) was added before \(plugin)/\(done.id), which is applied already; "
                    + "new migrations go to the end")
        }
        return steps.dropFirst(applied.count)
    }

    private static func unknown(_ id: String, _ plugin: String, last: String?) -> MigrationError {
        guard let last, id < last else {
            return MigrationError(
                "the database was written by a newer version of \(plugin): it has the migration \(plugin)/\(id); "
                    + "install that version or restore a backup")
        }
        return MigrationError(
            "migration \(plugin)/\(id) was applied but is not listed any more; migrations must not be removed")
    }
}

/// Why the database cannot be brought up to date; a sentence for the operator.
package struct MigrationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The sentence.
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
