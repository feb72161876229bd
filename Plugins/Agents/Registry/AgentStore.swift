import PluginAPI

/// The agents on disk.
struct AgentStore: Sendable {
    /// The daemon's database.
    let database: any Database

    /// The table; append-only.
    static let migrations = [
        table,
        Migration("004-no-revision", "ALTER TABLE agents_agents DROP COLUMN revision"),
    ]
    private static let table = Migration("001-agents") { dialect in
        [
            SQL(
                text: """
                    CREATE TABLE agents_agents (
                        id VARCHAR(64) PRIMARY KEY, name VARCHAR(128), role VARCHAR(64), host VARCHAR(128),
                        base_url VARCHAR(1024), status VARCHAR(32) NOT NULL, allowed INTEGER NOT NULL,
                        config \(dialect.longText), revision BIGINT NOT NULL, last_heartbeat_at BIGINT,
                        metrics \(dialect.longText), heartbeat \(dialect.longText), agent_version VARCHAR(255),
                        comfyui_version VARCHAR(255), reported_status VARCHAR(32), last_manifest_version VARCHAR(64),
                        created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)
                    """, values: [])
        ]
    }

    /// All agents.
    ///
    /// - Throws: ``DatabaseError``.
    func all() async throws -> [AgentRecord] {
        try await database.read { try $0.all("SELECT * FROM agents_agents", AgentRecord.init) }
    }

    /// Adds an agent.
    ///
    /// - Throws: ``HTTPError`` 409 `AGENT_ALREADY_EXISTS`; ``DatabaseError``.
    func insert(_ agent: AgentRecord) async throws {
        do {
            try await database.write { connection in
                let decision = agent.decision
                try connection.execute(
                    """
                    INSERT INTO agents_agents (id, name, role, host, base_url, status, allowed, config, created_at,
                        updated_at)
                    VALUES (\(agent.id), \(decision.name), \(decision.role), \(decision.host), \(decision.baseURL),
                        \(decision.status), \(decision.allowed), \(decision.config),
                        \(agent.createdAt), \(agent.updatedAt))
                    """)
            }
        } catch let error as DatabaseError where error.reason == .constraint {
            throw HTTPError(.agentExists, cause: error)
        }
    }

    /// Changes what the administrator decided of an agent; its heartbeats are not touched.
    ///
    /// - Throws: ``HTTPError`` 404 `AGENT_NOT_FOUND`; ``DatabaseError``.
    func change(
        _ id: String, at time: Timestamp, _ body: @escaping @Sendable (inout AgentRecord.Decision) -> Void
    ) async throws {
        try await database.write { connection in
            let found = try connection.first("SELECT * FROM agents_agents WHERE id = \(id)", AgentRecord.init)
            guard var decision = found?.decision else { throw HTTPError(.agentNotFound) }
            body(&decision)
            try connection.execute(
                """
                UPDATE agents_agents SET name = \(decision.name), role = \(decision.role), host = \(decision.host),
                    base_url = \(decision.baseURL), status = \(decision.status), allowed = \(decision.allowed),
                    config = \(decision.config), updated_at = \(time)
                WHERE id = \(id)
                """)
        }
    }

    /// Deletes an agent with its tasks and their events.
    ///
    /// - Throws: ``HTTPError`` 409 `AGENT_HAS_RUNNING_TASK` unless forced, 404 `AGENT_NOT_FOUND`; ``DatabaseError``.
    func remove(_ id: String, isForced: Bool) async throws {
        try await database.write { connection in
            if !isForced, try TaskStore.isRunning(agentID: id, connection) { throw HTTPError(.hasRunningTask) }
            let gone = try connection.execute("DELETE FROM agents_agents WHERE id = \(id)")
            guard gone.changes > 0 else { throw HTTPError(.agentNotFound) }
            try TaskStore.removeAll(ofAgent: id, connection)
        }
    }

    /// Hands over what is stored of an agent, in the order of the writes: a later call never has an older state.
    ///
    /// - Throws: ``DatabaseError``.
    func follow(_ id: String, _ body: @escaping @Sendable (AgentRecord?) -> Void) async throws {
        try await database.write { connection in
            body(try connection.first("SELECT * FROM agents_agents WHERE id = \(id)", AgentRecord.init))
        }
    }

    /// Writes what heartbeats said, for many agents at once; those that are gone are passed over, also when others have their ids.
    ///
    /// The version of the manifest is not among it: that is written with the end of the task (``TaskStore``).
    ///
    /// - Throws: ``DatabaseError``.
    func save(_ agents: [AgentRecord]) async throws {
        try await database.write { connection in
            for agent in agents {
                let report = agent.report
                try connection.execute(
                    """
                    UPDATE agents_agents SET last_heartbeat_at = \(report.lastHeartbeatAt),
                        metrics = \(report.metrics), heartbeat = \(report.payload),
                        agent_version = \(report.agentVersion), comfyui_version = \(report.comfyVersion),
                        reported_status = \(report.status), updated_at = \(agent.updatedAt)
                    WHERE id = \(agent.id) AND created_at = \(agent.createdAt)
                    """)
            }
        }
    }
}

// MARK: - In the transactions of others

extension AgentStore {
    /// Whether there is an agent.
    ///
    /// - Throws: ``DatabaseError``.
    static func exists(_ id: String, _ connection: any SQLConnection) throws -> Bool {
        try connection.first("SELECT id FROM agents_agents WHERE id = \(id)") { _ in true } != nil
    }

    /// Notes the version of the manifest that an agent brought to its server last.
    ///
    /// - Throws: ``DatabaseError``.
    static func note(manifestVersion version: String, of id: String, _ connection: any SQLConnection) throws {
        try connection.execute("UPDATE agents_agents SET last_manifest_version = \(version) WHERE id = \(id)")
    }
}

extension AgentRecord {
    /// Reads a row.
    init(_ row: Row) throws {
        id = try row.get("id")
        decision = Decision(
            name: try row.optional("name"), role: try row.optional("role"), host: try row.optional("host"),
            baseURL: try row.optional("base_url"), status: try row.get("status"), allowed: try row.get("allowed"),
            config: try row.object("config"))
        report = Report(
            lastHeartbeatAt: try row.optional("last_heartbeat_at"), metrics: try row.object("metrics"),
            payload: try row.object("heartbeat"), agentVersion: try row.optional("agent_version"),
            comfyVersion: try row.optional("comfyui_version"), status: try row.optional("reported_status"),
            lastManifestVersion: try row.optional("last_manifest_version"))
        createdAt = try row.get("created_at")
        updatedAt = try row.get("updated_at")
    }
}
