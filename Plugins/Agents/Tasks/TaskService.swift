import PluginAPI

/// Makes tasks, and does with them what administrators wish.
struct TaskService: Sendable {
    /// The tasks.
    let tasks: TaskStore
    /// The agents.
    let roster: AgentRoster
    /// The manifests.
    let manifests: ManifestStore
    /// Makes nonces.
    let tokens: AgentTokens
    /// Brings tasks to agents.
    let pusher: TaskPusher
    /// Settings.
    let configuration: AgentsConfiguration
    /// What the plugin may use.
    let context: PluginContext

    /// Makes a task, or finds the one that was made by the same wish before, and pushes it unless it has got further.
    ///
    /// - Parameters:
    ///   - baseURL: The daemon's address, as the agent should use it.
    ///   - isPushed: Whether it is pushed at all.
    /// - Returns: The task as it is then.
    /// - Throws: ``HTTPError`` 404 `AGENT_NOT_FOUND`, 403 `AGENT_NOT_ALLOWED`, 404 `AGENT_MANIFEST_NOT_FOUND`, 409
    ///   `AGENT_TASK_ALREADY_EXISTS`, 422 for a new task whose time is over; as ``TaskPusher/pushNew(_:)``, and then the task exists; ``DatabaseError``.
    func create(_ form: TaskForm, baseURL: String, isPushed: Bool) async throws -> AgentTask {
        let (task, isNew) = try await insert(form, baseURL: baseURL)
        guard isPushed, isNew || task.state == .pending else { return task }
        try await pusher.pushNew(task.id)
        return try await tasks.find(task.id)
    }

    private func insert(_ form: TaskForm, baseURL: String) async throws -> (task: AgentTask, isNew: Bool) {
        guard try roster.find(form.agentID).mayTalk else { throw HTTPError(.agentNotAllowed) }
        let now = context.clock.wallClock
        if let refusal = form.lateness(at: now) {
            // The wish may be repeated for as long as the task is there.
            guard let id = form.taskID, try await tasks.has(id) else { throw refusal }
        }
        var manifest: Manifest?
        if let id = form.manifestID { manifest = try await manifests.find(id) }
        let base = configuration.manifestBaseURL ?? baseURL
        let ownURL = manifest.map { $0.downloadURL ?? "\(base)/api/agent/manifests/\($0.id)" }
        let task = AgentTask(
            id: form.taskID ?? newID(now), agentID: form.agentID, manifestID: form.manifestID,
            manifestURL: form.manifestURL ?? ownURL, actions: form.actions,
            expiresAt: form.expiresAt ?? now.advanced(by: configuration.taskTimeout),
            nonce: tokens.randomNonce(), createdAt: now, updatedAt: now)
        return try await tasks.insert(task, manifest: manifest?.json)
    }

    /// Pushes a task; a failed or rejected one begins anew.
    ///
    /// - Throws: as ``TaskPusher/push(_:)``.
    func push(_ id: String) async throws -> TaskPusher.Pushed { try await pusher.push(id) }

    /// Ends a task that has not ended; one that was cancelled before stays as it is.
    ///
    /// - Throws: ``HTTPError`` 404 `AGENT_TASK_NOT_FOUND`, 409 `AGENT_TASK_FINISHED` when it has ended otherwise; ``DatabaseError``.
    func cancel(_ id: String, by actor: String) async throws -> AgentTask {
        let now = context.clock.wallClock
        let event = TaskEvent(taskID: id, level: "warn", message: "cancelled by \(actor)", createdAt: now)
        let nonce = tokens.randomNonce()
        return try await tasks.tell(id, .cancelled, eventIfMoved: event) { task, moved in
            guard moved else {
                guard task.errorMessage == Self.cancelled else { throw HTTPError(.taskFinished) }
                return
            }
            task.finishedAt = now
            task.errorMessage = Self.cancelled
            task.nonce = nonce
        }.task
    }

    private static let cancelled = "AGENT_TASK_CANCELLED"

    /// Makes the tokens of a task count no more; the next push brings another one.
    ///
    /// - Throws: ``HTTPError`` 404 `AGENT_TASK_NOT_FOUND`; ``DatabaseError``.
    func revoke(_ id: String, by actor: String) async throws -> AgentTask {
        let nonce = tokens.randomNonce()
        let event = TaskEvent(
            taskID: id, level: "warn", message: "tokens revoked by \(actor)", createdAt: context.clock.wallClock)
        return try await tasks.tell(id, .notAccepted, event: event) { task, _ in task.nonce = nonce }.task
    }

    /// `agt_20260205_224000_0a1b2c3d`.
    private func newID(_ now: Timestamp) -> String {
        let digits = now.iso8601.filter(\.isNumber)
        let random = Hex.encode(context.cryptography.randomBytes(4))
        return "agt_\(digits.prefix(8))_\(digits.dropFirst(8).prefix(6))_\(random)"
    }
}
