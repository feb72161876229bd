import PluginAPI

/// The tasks and their events on disk; the only place where a task changes its state.
struct TaskStore: Sendable {
    private let database: any Database
    private let clock: any TimeSource

    /// Works on a database.
    init(database: any Database, clock: any TimeSource) {
        self.database = database
        self.clock = clock
    }

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
            if next == .success, let version = task.manifestVersion {
                try connection.execute(
                    "UPDATE agents_agents SET last_manifest_version = \(version) WHERE id = \(task.agentID)")
            }
            var stored = event ?? (next == nil ? nil : eventIfMoved)
            if let event = stored { stored?.id = try Self.add(event, connection) }
            return Change(task: task, moved: next != nil, event: stored)
        }
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
    /// - Returns: The task that is there now, and whether it is new.
    /// - Throws: ``HTTPError`` 409 `AGENT_TASK_ALREADY_EXISTS` when another wish made it, 404 `AGENT_NOT_FOUND`; ``DatabaseError``.
    func insert(_ task: AgentTask) async throws -> (task: AgentTask, isNew: Bool) {
        try await database.write { connection in
            if let known = try Self.find(task.id, connection) {
                guard known.agentID == task.agentID, known.manifestID == task.manifestID, known.actions == task.actions
                else { throw HTTPError(.taskExists) }
                return (known, false)
            }
            // It may have been deleted a moment ago, with its tasks.
            let agent: SQL = "SELECT id FROM agents_agents WHERE id = \(task.agentID)"
            guard try connection.first(agent, { _ in true }) != nil else { throw HTTPError(.agentNotFound) }
            let actions = JSON.array(task.actions.map { .string($0) }).text()
            try connection.execute(
                """
                INSERT INTO agents_tasks (id, agent_id, manifest_id, manifest_url, manifest, actions, expires_at, state,
                    nonce, failed_pushes, next_push_at, created_at, updated_at)
                VALUES (\(task.id), \(task.agentID), \(task.manifestID), \(task.manifestURL),
                    \(task.manifest?.storedText), \(actions), \(task.expiresAt), \(task.state.rawValue), \(task.nonce),
                    \(task.failedPushes), \(task.nextPushAt), \(task.createdAt), \(task.updatedAt))
                """)
            return (task, true)
        }
    }

    /// The newest tasks.
    ///
    /// - Throws: ``DatabaseError``.
    func list(agentID: String?, state: String?, limit: Int, offset: Int = 0) async throws -> [AgentTask] {
        var query: SQL = "SELECT * FROM agents_tasks WHERE 1 = 1"
        if let agentID { query = query + " AND agent_id = \(agentID)" }
        if let state { query = query + " AND state = \(state)" }
        let statement = query + " ORDER BY created_at DESC, id DESC LIMIT \(limit) OFFSET \(offset)"
        return try await database.read { try $0.all(statement, AgentTask.init) }
    }

    /// The newest events of a task; none for a task that is not there.
    ///
    /// - Throws: ``DatabaseError``.
    func events(of id: String, limit: Int, offset: Int = 0) async throws -> [TaskEvent] {
        try await database.read { connection in
            try connection.all(
                """
                SELECT * FROM agents_task_events WHERE task_id = \(id) ORDER BY id DESC LIMIT \(limit) OFFSET \(offset)
                """, TaskEvent.init)
        }
    }

    /// The number of the last event of a task; 0 when there is none.
    ///
    /// - Throws: ``DatabaseError``.
    func newestEvent(of id: String) async throws -> Int64 {
        try await events(of: id, limit: 1).first?.id ?? 0
    }

    /// Tasks that have to be pushed again by now (``PushRetry/isDue(_:now:)``), the most urgent first.
    ///
    /// - Throws: ``DatabaseError``.
    func duePushes(limit: Int) async throws -> [String] {
        let now = clock.wallClock
        return try await database.read { connection in
            try connection.all(
                """
                SELECT id FROM agents_tasks WHERE next_push_at <= \(now) OR next_push_at > \(PushRetry.latest(now))
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

    /// Stores an event that changes nothing of its task.
    ///
    /// - Parameter isOnce: Whether it is left out when the task has an event with the same words.
    /// - Throws: ``DatabaseError``.
    func note(_ event: TaskEvent, isOnce: Bool = false) async throws {
        try await database.write { connection in
            let same: SQL = """
                SELECT id FROM agents_task_events WHERE task_id = \(event.taskID) AND message = \(event.message) LIMIT 1
                """
            if isOnce, try connection.first(same, { _ in true }) != nil { return }
            _ = try Self.add(event, connection)
        }
    }

    /// Deletes an agent with its tasks and their events.
    ///
    /// - Throws: ``HTTPError`` 404 `AGENT_NOT_FOUND`; 409 `AGENT_HAS_RUNNING_TASK` unless forced; ``DatabaseError``.
    func removeAgent(_ id: String, isForced: Bool) async throws {
        try await database.write { connection in
            let running: SQL = "SELECT id FROM agents_tasks WHERE agent_id = \(id) AND state = 'running' LIMIT 1"
            if !isForced, try connection.first(running, { _ in true }) != nil { throw HTTPError(.agentBusy) }
            let gone = try connection.execute("DELETE FROM agents_agents WHERE id = \(id)")
            guard gone.changes > 0 else { throw HTTPError(.agentNotFound) }
            try connection.execute(
                """
                DELETE FROM agents_task_events WHERE task_id IN (SELECT id FROM agents_tasks WHERE agent_id = \(id))
                """)
            try connection.execute("DELETE FROM agents_tasks WHERE agent_id = \(id)")
        }
    }

    private static func find(_ id: String, _ connection: any SQLConnection) throws -> AgentTask? {
        try connection.first("SELECT * FROM agents_tasks WHERE id = \(id)", AgentTask.init)
    }

    private static func save(_ task: AgentTask, _ connection: any SQLConnection) throws {
        try connection.execute(
            """
            UPDATE agents_tasks SET state = \(task.state.rawValue), nonce = \(task.nonce), pushed_at = \(task.pushedAt),
                started_at = \(task.startedAt), finished_at = \(task.finishedAt), result = \(task.result?.storedText),
                error_message = \(task.errorMessage), failed_pushes = \(task.failedPushes),
                next_push_at = \(task.nextPushAt), updated_at = \(task.updatedAt)
            WHERE id = \(task.id)
            """)
    }

    /// The events that are kept of one task, and some more until the next look.
    static let mostEvents = 5000
    private static let eventsBetweenLooks: Int64 = 100

    private static func add(_ event: TaskEvent, _ connection: any SQLConnection) throws -> Int64 {
        let id = try connection.execute(
            """
            INSERT INTO agents_task_events (task_id, level, message, payload, happened_at, created_at)
            VALUES (\(event.taskID), \(event.level), \(event.message), \(event.payload?.storedText),
                \(event.happenedAt), \(event.createdAt))
            """
        ).lastInsertID
        if id.isMultiple(of: eventsBetweenLooks) { try dropOldEvents(of: event.taskID, connection) }
        return id
    }

    private static func dropOldEvents(of id: String, _ connection: any SQLConnection) throws {
        let oldest: SQL = """
            SELECT id FROM agents_task_events WHERE task_id = \(id) ORDER BY id DESC LIMIT 1 OFFSET \(mostEvents)
            """
        guard let last: Int64 = try connection.first(oldest, { try $0.get("id") }) else { return }
        try connection.execute("DELETE FROM agents_task_events WHERE task_id = \(id) AND id <= \(last)")
    }
}

extension AgentTask {
    /// Reads a row.
    init(_ row: Row) throws {
        let json = { (column: String) -> JSON? in
            try row.optional(column, as: String.self).flatMap { try? JSON(parsing: $0) }
        }
        let state: String = try row.get("state")
        guard let known = TaskState(rawValue: state) else {
            throw DatabaseError(.misuse, "a task has the state \"\(state)\"")
        }
        self.init(
            id: try row.get("id"), agentID: try row.get("agent_id"), manifestID: try row.optional("manifest_id"),
            manifestURL: try row.optional("manifest_url"), manifest: try json("manifest")?.objectValue,
            actions: (try json("actions")?.arrayValue ?? []).compactMap(\.stringValue),
            expiresAt: try row.get("expires_at"), state: known, nonce: try row.get("nonce"),
            pushedAt: try row.optional("pushed_at"), startedAt: try row.optional("started_at"),
            finishedAt: try row.optional("finished_at"), result: try json("result")?.objectValue,
            errorMessage: try row.optional("error_message"), failedPushes: try row.get("failed_pushes"),
            nextPushAt: try row.optional("next_push_at"), createdAt: try row.get("created_at"),
            updatedAt: try row.get("updated_at"))
    }
}

extension TaskEvent {
    /// Reads a row.
    init(_ row: Row) throws {
        self.init(
            id: try row.get("id"), taskID: try row.get("task_id"), level: try row.get("level"),
            message: try row.get("message"),
            payload: try row.optional("payload", as: String.self).flatMap { try? JSON(parsing: $0).objectValue },
            happenedAt: try row.optional("happened_at"), createdAt: try row.get("created_at"))
    }
}
