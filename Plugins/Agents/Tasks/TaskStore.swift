import PluginAPI

/// The tasks and their events on disk; the only place where a task changes its state.
struct TaskStore: Sendable {
    /// The daemon's database.
    let database: any Database
    /// Tells the time.
    let clock: any TimeSource

    /// The tables; append-only.
    static let migration = Migration("003-tasks") { dialect in
        [
            SQL(
                text: """
                    CREATE TABLE agents_tasks (
                        id VARCHAR(64) PRIMARY KEY, agent_id VARCHAR(64) NOT NULL, manifest_id BIGINT,
                        manifest_url VARCHAR(2048), manifest \(dialect.longText), actions \(dialect.longText) NOT NULL,
                        expires_at BIGINT NOT NULL, state VARCHAR(16) NOT NULL, nonce VARCHAR(64) NOT NULL,
                        pushed_at BIGINT, started_at BIGINT, finished_at BIGINT, result \(dialect.longText),
                        error_message \(dialect.longText), failed_pushes BIGINT NOT NULL, next_push_at BIGINT,
                        created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)
                    """, values: []),
            "CREATE INDEX agents_tasks_agent ON agents_tasks (agent_id, created_at)",
            "CREATE INDEX agents_tasks_state ON agents_tasks (state, expires_at)",
            "CREATE INDEX agents_tasks_created ON agents_tasks (created_at)",
            "CREATE INDEX agents_tasks_push ON agents_tasks (next_push_at)",
            SQL(
                text: """
                    CREATE TABLE agents_task_events (
                        id \(dialect.autoIncrementKey), task_id VARCHAR(64) NOT NULL, level VARCHAR(32) NOT NULL,
                        message \(dialect.longText) NOT NULL, payload \(dialect.longText), happened_at BIGINT,
                        created_at BIGINT NOT NULL)
                    """, values: []),
            "CREATE INDEX agents_task_events_task ON agents_task_events (task_id, id)",
        ]
    }

    /// What a change of a task leaves.
    struct Change: Sendable {
        /// The task as it is now.
        var task: AgentTask
        /// Whether its state moved.
        var moved: Bool
        /// The event that was stored, with its number.
        var event: TaskEvent?
        /// The version of the task's manifest, if this ended the task well.
        var manifestVersion: String?
    }

    /// Tells a task what happened to it, in one transaction: state, fields and event are all on disk when it returns.
    ///
    /// A state that the happening does not lead on from stays, and `edit` is told so; the event is stored all the same.
    /// A task that ends well gives its agent the version of its manifest.
    ///
    /// - Parameters:
    ///   - eventIfMoved: An event that is stored only if the state moved.
    ///   - edit: Changes fields of the task; `moved` says whether the state moved, the task has the new state.
    /// - Throws: ``HTTPError`` 404 `AGENT_TASK_NOT_FOUND`; ``DatabaseError``; what `edit` throws, and then nothing changed.
    func tell(
        _ id: String, _ happening: TaskState.Happening, event: TaskEvent? = nil, eventIfMoved: TaskEvent? = nil,
        edit: @escaping @Sendable (inout AgentTask, _ moved: Bool) throws -> Void = { _, _ in }
    ) async throws -> Change {
        let now = clock.wallClock
        return try await database.write { connection in
            guard var task = try Self.find(id, connection) else { throw HTTPError(.taskNotFound) }
            let before = task
            let next = task.state.after(happening)
            if let next {
                task.state = next
                if next != .pending { task.pushIsOver() }
            }
            try edit(&task, next != nil)
            if task != before {
                task.updatedAt = now
                try Self.save(task, connection)
            }
            let version = next == .success ? try Self.manifest(of: id, connection)?["version"]?.stringValue : nil
            if let version { try AgentStore.note(manifestVersion: version, of: task.agentID, connection) }
            let isReceipt = happening == .completed || happening == .failed
            if isReceipt, next != nil { try Self.hasten(agentID: task.agentID, at: now, connection) }
            var stored = event ?? (next == nil ? nil : eventIfMoved)
            if let event = stored { stored?.id = try Self.add(event, connection) }
            return Change(task: task, moved: next != nil, event: stored, manifestVersion: version)
        }
    }

    /// How long an agent that has reported the end of a task needs to answer its push: before that it is still busy.
    static let breather = Duration.seconds(2)

    /// Brings the next push forward of the oldest task that waits for an agent, because the agent has finished another one.
    private static func hasten(agentID: String, at now: Timestamp, _ connection: any SQLConnection) throws {
        let time = now.advanced(by: breather)
        // COALESCE keeps the engine to the index of next pushes, which has the few that wait; the others lead to all that ended.
        let waiting: SQL = """
            SELECT id FROM agents_tasks WHERE next_push_at > \(time) AND COALESCE(agent_id, '') = \(agentID)
            AND COALESCE(state, '') = 'pending' ORDER BY created_at, id LIMIT 1
            """
        guard let id: String = try connection.first(waiting, { try $0.get("id") }) else { return }
        try connection.execute(
            "UPDATE agents_tasks SET next_push_at = \(time), failed_pushes = 0 WHERE id = \(id)")
    }

    /// The manifest of a task as it was when the task was made: a change does not reach tasks under way.
    ///
    /// - Throws: ``HTTPError`` 404 `AGENT_MANIFEST_NOT_FOUND` when it has none; ``DatabaseError``.
    func manifest(of id: String) async throws -> JSONObject {
        guard let manifest = try await database.read({ try Self.manifest(of: id, $0) }) else {
            throw HTTPError(.manifestNotFound)
        }
        return manifest
    }

    /// Whether there is such a task.
    ///
    /// - Throws: ``DatabaseError``.
    func has(_ id: String) async throws -> Bool {
        try await database.read { try Self.find(id, $0) } != nil
    }

    /// A task.
    ///
    /// - Throws: ``HTTPError`` 404 `AGENT_TASK_NOT_FOUND`; ``DatabaseError``.
    func find(_ id: String) async throws -> AgentTask {
        guard let task = try await database.read({ try Self.find(id, $0) }) else { throw HTTPError(.taskNotFound) }
        return task
    }

    /// Adds a task, unless the same wish made one of this id before.
    ///
    /// - Parameter manifest: The task's manifest, which is kept as it is now.
    /// - Returns: The task that is there now, and whether it is new.
    /// - Throws: ``HTTPError`` 409 `AGENT_TASK_ALREADY_EXISTS` when another wish made it, 404 `AGENT_NOT_FOUND`; ``DatabaseError``.
    func insert(_ task: AgentTask, manifest: JSONObject?) async throws -> (task: AgentTask, isNew: Bool) {
        try await database.write { connection in
            if let known = try Self.find(task.id, connection) {
                guard known.agentID == task.agentID, known.manifestID == task.manifestID, known.actions == task.actions
                else { throw HTTPError(.taskExists) }
                return (known, false)
            }
            // It may have been deleted a moment ago, with its tasks.
            guard try AgentStore.exists(task.agentID, connection) else { throw HTTPError(.agentNotFound) }
            let actions = JSON.array(task.actions.map { .string($0) }).text()
            try connection.execute(
                """
                INSERT INTO agents_tasks (id, agent_id, manifest_id, manifest_url, manifest, actions, expires_at, state,
                    nonce, failed_pushes, next_push_at, created_at, updated_at)
                VALUES (\(task.id), \(task.agentID), \(task.manifestID), \(task.manifestURL),
                    \(manifest), \(actions), \(task.expiresAt), \(task.state.rawValue), \(task.nonce),
                    \(task.failedPushes), \(task.nextPushAt), \(task.createdAt), \(task.updatedAt))
                """)
            return (task, true)
        }
    }

    /// The newest tasks.
    ///
    /// - Throws: ``DatabaseError``.
    func list(agentID: String?, state: String?, limit: Int, offset: Int = 0) async throws -> [AgentTask] {
        var query = Self.columns + " WHERE 1 = 1"
        if let agentID { query = query + " AND agent_id = \(agentID)" }
        if let state { query = query + " AND state = \(state)" }
        let statement = query + " ORDER BY created_at DESC, id DESC LIMIT \(limit) OFFSET \(offset)"
        return try await database.read { try $0.all(statement, AgentTask.init) }
    }

    /// Tasks that have to be pushed again by now (``PushRetry/isDue(_:now:)``), the most urgent first.
    ///
    /// - Throws: ``DatabaseError``.
    func duePushes(limit: Int) async throws -> [String] {
        let now = clock.wallClock
        return try await database.read { connection in
            // The first condition spares SQLite a walk over all the tasks that have no such time.
            try connection.all(
                """
                SELECT id FROM agents_tasks
                WHERE next_push_at IS NOT NULL AND (next_push_at <= \(now) OR next_push_at > \(PushRetry.latest(now)))
                ORDER BY next_push_at LIMIT \(limit)
                """
            ) { try $0.get("id") }
        }
    }

    /// Open tasks whose time is over.
    ///
    /// - Throws: ``DatabaseError``.
    func overdue(limit: Int) async throws -> [String] {
        let now = clock.wallClock
        return try await database.read { connection in
            try connection.all(
                """
                SELECT id FROM agents_tasks WHERE state IN ('pending', 'running') AND expires_at <= \(now)
                ORDER BY expires_at LIMIT \(limit)
                """
            ) { try $0.get("id") }
        }
    }

    /// A task; `nil` when there is none.
    ///
    /// - Throws: ``DatabaseError``.
    static func find(_ id: String, _ connection: any SQLConnection) throws -> AgentTask? {
        try connection.first(columns + " WHERE id = \(id)", AgentTask.init)
    }

    /// All columns but the manifest, which may have megabytes and is asked for once in the life of a task.
    private static let columns: SQL = """
        SELECT id, agent_id, manifest_id, manifest_url, actions, expires_at, state, nonce, pushed_at, started_at, finished_at,
            result, error_message, failed_pushes, next_push_at, created_at, updated_at
        FROM agents_tasks
        """

    private static func manifest(of id: String, _ connection: any SQLConnection) throws -> JSONObject? {
        let query: SQL = "SELECT manifest FROM agents_tasks WHERE id = \(id)"
        let text = try connection.first(query) { try $0.optional("manifest", as: String.self) }
        return try (text ?? nil).flatMap { try JSON(parsing: $0).objectValue }
    }

    private static func save(_ task: AgentTask, _ connection: any SQLConnection) throws {
        try connection.execute(
            """
            UPDATE agents_tasks SET state = \(task.state.rawValue), nonce = \(task.nonce), pushed_at = \(task.pushedAt),
                started_at = \(task.startedAt), finished_at = \(task.finishedAt), result = \(task.result),
                error_message = \(task.errorMessage), failed_pushes = \(task.failedPushes),
                next_push_at = \(task.nextPushAt), updated_at = \(task.updatedAt)
            WHERE id = \(task.id)
            """)
    }
}

// MARK: - In the transactions of others

extension TaskStore {
    /// Whether an agent has a task under way.
    ///
    /// - Throws: ``DatabaseError``.
    static func isRunning(agentID: String, _ connection: any SQLConnection) throws -> Bool {
        let running: SQL = "SELECT id FROM agents_tasks WHERE agent_id = \(agentID) AND state = 'running' LIMIT 1"
        return try connection.first(running) { _ in true } != nil
    }

    /// Deletes the tasks of an agent with their events.
    ///
    /// - Throws: ``DatabaseError``.
    static func removeAll(ofAgent id: String, _ connection: any SQLConnection) throws {
        try connection.execute(
            "DELETE FROM agents_task_events WHERE task_id IN (SELECT id FROM agents_tasks WHERE agent_id = \(id))")
        try connection.execute("DELETE FROM agents_tasks WHERE agent_id = \(id)")
    }
}
