import PluginAPI

/// Takes what agents report about their tasks; each answer comes after the report is on disk.
struct TaskReports: Sendable {
    /// The tasks.
    let tasks: TaskStore
    /// The agents.
    let roster: AgentRoster
    /// Tells the time.
    let clock: any TimeSource

    /// Stores an event; the first one shows that the agent works.
    ///
    /// - Parameter task: The task as it was when the token was checked.
    /// - Throws: ``HTTPError`` 403 `AGENT_TOKEN_PAYLOAD_MISMATCH` when the token was revoked since; ``DatabaseError``.
    func take(_ form: EventForm, of task: AgentTask) async throws -> TaskEvent {
        let now = clock.wallClock
        let event = form.event(of: task.id, at: now)
        let change = try await tasks.tell(task.id, .reported, event: event) { current, _ in
            guard current.nonce == task.nonce else { throw HTTPError(.payloadMismatch) }
            guard !current.state.isFinal else { return }
            current.startedAt = current.startedAt ?? now
        }
        return change.event ?? event
    }

    /// Ends a task, unless it has ended: a repeated or contradicting receipt changes nothing.
    ///
    /// - Parameter task: The task as it was when the token was checked.
    /// - Returns: The task as it is now.
    /// - Throws: ``HTTPError`` 403 `AGENT_TOKEN_PAYLOAD_MISMATCH` when the token was revoked since; ``DatabaseError``.
    func take(_ receipt: Receipt, of task: AgentTask) async throws -> AgentTask {
        let now = clock.wallClock
        let isComplete = receipt.outcome == .complete
        let failures = receipt.failedItems.map { items in
            TaskEvent(
                taskID: task.id, level: "warn", message: "the agent reports success, and items that failed",
                payload: ["failedItems": items], createdAt: now)
        }
        let change = try await tasks.tell(
            task.id, isComplete ? .completed : .failed, eventIfMoved: isComplete ? failures : nil
        ) { current, moved in
            guard current.nonce == task.nonce else { throw HTTPError(.payloadMismatch) }
            guard moved else { return }
            current.finishedAt = now
            current.result = receipt.result
            current.errorMessage = receipt.errorMessage
        }
        if let version = change.manifestVersion {
            roster.report(task.agentID, at: now) { $0.lastManifestVersion = version }
        }
        return change.task
    }

    /// Keeps a receipt that came too late where an administrator sees it; the task stays as it is.
    ///
    /// - Throws: ``DatabaseError``.
    func keepLate(_ receipt: Receipt, of task: AgentTask) async throws {
        // The agent repeats what was taken in time.
        guard task.result == nil else { return }
        let event = TaskEvent(
            taskID: task.id, level: "warn",
            message: "a receipt came too late and was refused: \(receipt.outcome.rawValue)",
            payload: receipt.result, createdAt: clock.wallClock)
        try await tasks.noteOnce(event, of: task)
    }
}
