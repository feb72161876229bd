import PluginAPI

/// The events of tasks.
extension TaskStore {
    /// The events that are kept of one task, and some more until the next look.
    static let mostEvents = 5000
    /// The characters of messages and payloads that are kept of one task, likewise.
    static let mostEventText = 16 << 20
    private static let eventsBetweenLooks = 100

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
        try await database.read { connection in
            let newest: SQL = "SELECT id FROM agents_task_events WHERE task_id = \(id) ORDER BY id DESC LIMIT 1"
            return try connection.first(newest) { try $0.get("id") } ?? 0
        }
    }

    /// Stores an event that changes nothing of its task, unless the task has one with the same words.
    ///
    /// One that was deleted since, or made again under its id, is left alone.
    ///
    /// - Parameter task: The task as it was when the token was checked.
    /// - Throws: ``DatabaseError``.
    func noteOnce(_ event: TaskEvent, of task: AgentTask) async throws {
        try await database.write { connection in
            guard try Self.find(task.id, connection)?.nonce == task.nonce else { return }
            let same: SQL = """
                SELECT id FROM agents_task_events WHERE task_id = \(event.taskID) AND message = \(event.message) LIMIT 1
                """
            if try connection.first(same, { _ in true }) == nil { _ = try Self.add(event, connection) }
        }
    }

    /// Stores an event, in the transaction that changes its task.
    ///
    /// - Returns: Its number.
    /// - Throws: ``DatabaseError``.
    static func add(_ event: TaskEvent, _ connection: any SQLConnection) throws -> Int64 {
        let id = try connection.execute(
            """
            INSERT INTO agents_task_events (task_id, level, message, payload, happened_at, created_at)
            VALUES (\(event.taskID), \(event.level), \(event.message), \(event.payload),
                \(event.happenedAt), \(event.createdAt))
            """
        ).lastInsertID
        // By lot: agents see the numbers, and could leave those to other tasks at which their own are looked at.
        if Int.random(in: 0..<eventsBetweenLooks) == 0 { try dropOldEvents(of: event.taskID, connection) }
        return id
    }

    /// Drops the oldest events of a task until no more are left than may be.
    ///
    /// - Throws: ``DatabaseError``.
    static func dropOldEvents(of id: String, _ connection: any SQLConnection) throws {
        let newestFirst: SQL = """
            SELECT id, LENGTH(message) + COALESCE(LENGTH(payload), 0) AS size FROM agents_task_events
            WHERE task_id = \(id) ORDER BY id DESC LIMIT \(mostEvents + 1)
            """
        var count = 0
        var text = 0
        var last: Int64?
        try connection.forEach(newestFirst) { row in
            guard last == nil else { return }
            count += 1
            text += Int(try row.get("size", as: Int64.self))
            if count > mostEvents || text > mostEventText { last = try row.get("id") }
        }
        guard let last else { return }
        try connection.execute("DELETE FROM agents_task_events WHERE task_id = \(id) AND id <= \(last)")
    }
}
