import PluginAPI

/// Ends tasks whose time is over (`spec/agents.md` §7).
struct TaskSweeper: Sendable {
    /// The tasks.
    let tasks: TaskStore
    /// Tells the time.
    let clock: any TimeSource

    /// How often to look.
    static let interval = Duration.seconds(5)
    private static let batch = 100

    /// Ends all tasks that are overdue.
    ///
    /// - Throws: ``DatabaseError``; then the rest is ended by a later call.
    func sweep() async throws {
        while true {
            let overdue = try await tasks.overdue(limit: Self.batch)
            for id in overdue { try await end(id) }
            if overdue.count < Self.batch { return }
        }
    }

    private func end(_ id: String) async throws {
        let now = clock.wallClock
        let event = TaskEvent(taskID: id, level: "warn", message: "the time of the task is over", createdAt: now)
        do {
            _ = try await tasks.tell(id, .expired, eventIfMoved: event) { task, moved in
                guard moved else { return }
                task.finishedAt = now
                task.errorMessage = AgentCode.taskExpired.rawValue
            }
        } catch let error as HTTPError where error.has(.taskNotFound) {
            // Deleted with its agent since it was listed.
        }
    }
}
