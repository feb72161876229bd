import PluginAPI
internal import Synchronization

/// Brings tasks to agents (`spec/agents.md` §5); one push per task at a time, and nothing is held while the agent answers.
///
/// Agents do the work inside the push and call back meanwhile, so a push that gets no answer is no failure by itself, and an
/// answer never moves a task that a report has moved.
final class TaskPusher: Sendable {
    private let tasks: TaskStore
    private let roster: AgentRoster
    private let tokens: AgentTokens
    private let configuration: AgentsConfiguration
    private let context: PluginContext
    private let targets: PushTargets
    private let outcomes: any Counter
    private let state = Mutex(State())

    private struct State {
        /// The pushes under way.
        var running: [String: Task<Pushed, any Error>] = [:]
        /// Those of them that are written down, so that a task that is over ended since.
        var begun: Set<String> = []
        /// The tasks that are being pushed again by themselves.
        var again: Set<String> = []
        /// Whether no push begins.
        var isClosed = false
        /// Until when none begins by itself, because nothing can be written down.
        var restsUntil: Instant?
    }

    /// Why a task is pushed: by itself only a pending one is.
    private enum Occasion {
        case wish
        case making
        case due
    }

    /// How long an agent may take to answer, the connection included.
    static let timeout = Duration.seconds(15)
    private static let connectTimeout = Duration.seconds(5)

    /// Makes one that pushes nothing yet.
    init(
        tasks: TaskStore, roster: AgentRoster, tokens: AgentTokens, configuration: AgentsConfiguration,
        context: PluginContext
    ) {
        self.tasks = tasks
        self.roster = roster
        self.tokens = tokens
        self.configuration = configuration
        self.context = context
        targets = PushTargets(configuration.pushTargets)
        outcomes = context.metrics.counter("pushes_total", "Pushes of tasks to agents.", labels: ["outcome"])
    }

    /// Takes pushes; also after ``close()``.
    func open() {
        state.withLock { $0.isClosed = false }
    }

    /// Ends the pushes under way and takes no more; their tasks stay as they are, and those that are tried again have their time.
    func close() async {
        let running = state.withLock { state in
            state.isClosed = true
            return Array(state.running.values)
        }
        for push in running { push.cancel() }
        for push in running { _ = await push.result }
    }

    /// Pushes a task, or waits for the push of it that is under way; a failed or rejected one begins anew.
    ///
    /// Who stops waiting does not end the push.
    ///
    /// - Throws: ``HTTPError`` in this order: 404 `AGENT_TASK_NOT_FOUND`, 409 `AGENT_TASK_FINISHED`, 409 `AGENT_TASK_EXPIRED`, 404
    ///   `AGENT_NOT_FOUND`, 403 `AGENT_NOT_ALLOWED`, 400 `AGENT_BASE_URL_MISSING`, 400 `AGENT_PUSH_TARGET_REFUSED`, 502
    ///   `AGENT_PUSH_FAILED`, 503 after ``close()``, all but the first with the task's id; ``DatabaseError``.
    func push(_ id: String) async throws -> Pushed {
        while true {
            // A task that ended within its push begins anew after it.
            let last = state.withLock { $0.begun.contains(id) ? $0.running[id] : nil }
            if let last, try await tasks.find(id).state.isFinal { _ = await last.result }
            if let pushed = try await result(of: id, .wish) { return pushed }
        }
    }

    /// Pushes a task that was just made, as ``push(_:)`` does, unless it is no longer pending.
    func pushNew(_ id: String) async throws {
        _ = try await result(of: id, .making)
    }

    private func result(of id: String, _ occasion: Occasion) async throws -> Pushed? {
        do {
            return try await join(id, occasion).value
        } catch is Overtaken {
            return nil
        } catch is CancellationError {
            throw HTTPError(
                .serviceUnavailable, "plugin.draining", "The push was broken off: agents are being switched off.",
                details: ["taskId": .string(id)])
        }
    }

    private func join(_ id: String, _ occasion: Occasion) throws -> Task<Pushed, any Error> {
        try state.withLock { state in
            if let push = state.running[id] { return push }
            if state.isClosed { throw CancellationError() }
            let push = Task {
                defer { self.state.withLock { ($0.running[id], _) = (nil, $0.begun.remove(id)) } }
                return try await self.deliver(id, occasion)
            }
            state.running[id] = push
            return push
        }
    }

    private func deliver(_ id: String, _ occasion: Occasion) async throws -> Pushed {
        let found = try await tasks.find(id)
        do {
            let url = try destination(of: found, occasion)
            let task = try await begin(found, occasion)
            state.withLock { _ = $0.begun.insert(id) }
            let lastEvent = try await tasks.newestEvent(of: id)
            let token = try tokens.issue(
                agentID: task.agentID, taskID: task.id, nonce: task.nonce, until: tokenEnd(task))
            let outcome = try await send(task, token.token, to: url)
            let now = try await end(task, outcome)
            let hasReported = try await hasReported(now, since: task, lastEvent: lastEvent)
            if let code = outcome.failure(hasReported: hasReported) {
                throw HTTPError(code, of: now, outcome)
            }
            return Pushed(task: now, status: outcome.status?.code, tokenExpiresAt: token.expiresAt)
        } catch let error as HTTPError where error.details == nil {
            throw error.with(found)
        }
    }

    // MARK: - Before

    /// The agent's address, if the task may be pushed to it now.
    private func destination(of task: AgentTask, _ occasion: Occasion) throws -> String {
        try Self.check(task, occasion, context.clock.wallClock)
        let agent = try roster.find(task.agentID)
        guard agent.mayTalk else { throw HTTPError(.agentNotAllowed) }
        guard let url = agent.pushURL else { throw HTTPError(.baseURLMissing) }
        // One within `config` was not checked before.
        guard PushURL.problem(url) == nil else { throw HTTPError(.targetRefused) }
        return url
    }

    private static func check(_ task: AgentTask, _ occasion: Occasion, _ now: Timestamp) throws {
        if occasion != .wish, task.state != .pending { throw Overtaken() }
        if occasion == .due, !PushRetry.isDue(task.nextPushAt, now: now) { throw Overtaken() }
        guard task.state != .success else { throw HTTPError(.taskFinished) }
        guard now < task.expiresAt else { throw HTTPError(.taskExpired) }
    }

    /// Writes down that the task is pushed; one that ended begins anew if so wished, and its former tokens count no more.
    private func begin(_ found: AgentTask, _ occasion: Occasion) async throws -> AgentTask {
        let now = context.clock.wallClock
        let nonce = tokens.randomNonce()
        let happening = occasion == .wish ? TaskState.Happening.retried : .notAccepted
        let retry = configuration.pushRetry
        let anew = TaskEvent(taskID: found.id, message: "pushed again after \(found.state.rawValue)", createdAt: now)
        return try await tasks.tell(found.id, happening, eventIfMoved: anew) { task, moved in
            try Self.check(task, occasion, now)
            if moved {
                (task.startedAt, task.finishedAt, task.result, task.errorMessage) = (nil, nil, nil, nil)
                (task.failedPushes, task.nonce) = (0, nonce)
            }
            task.pushedAt = now
            // If the daemon dies now, a push that was to be repeated is.
            if task.nextPushAt != nil || task.state == .pending && retry == .failed {
                task.nextPushAt = PushRetry.next(after: 1, now: now, expiresAt: task.expiresAt)
            }
        }.task
    }

    /// When the token ends: a whole second, and not before its task.
    private func tokenEnd(_ task: AgentTask) -> Timestamp {
        let end = Timestamp(milliseconds: (task.expiresAt.milliseconds + 999) / 1000 * 1000)
        guard let life = configuration.taskTokenLife else { return end }
        return min(end, context.clock.wallClock.advanced(by: life))
    }

    // MARK: - The request

    private func send(_ task: AgentTask, _ token: Secret, to url: String) async throws -> PushOutcome {
        let body = PushBody.json(of: task, token: token).serialized(.compact)
        var request = ClientRequest(
            .post, "\(url)/tasks", headers: ["Content-Type": "application/json"], body: HTTPBody(body),
            connectTimeout: Self.connectTimeout, timeout: Self.timeout)
        request.addressPolicy = targets.policy(for: PushURL.host(of: url))
        let outcome: PushOutcome
        let reason: String
        do {
            // What the answer says beyond its status goes unread: the agent reports it.
            let status = try await context.httpClient.send(request).status
            (outcome, reason) = (PushOutcome(status), "\(status)")
        } catch let error as HTTPClientError {
            (outcome, reason) = (PushOutcome(error), error.description)
        }
        outcomes.increment(outcome.label)
        context.logger.notice(
            "a task was pushed",
            ["task.id": task.id, "agent.id": task.agentID, "outcome": outcome.label, "answer": reason])
        return outcome
    }

    // MARK: - After

    private func end(_ pushed: AgentTask, _ outcome: PushOutcome) async throws -> AgentTask {
        let now = context.clock.wallClock
        let isRepeated = configuration.pushRetry.covers(outcome)
        return try await tasks.tell(pushed.id, outcome.happening) { task, moved in
            guard moved || task.state == .pending else { return }
            task.errorMessage = outcome.errorMessage
            if task.state.isFinal { task.finishedAt = now }
            guard task.state == .pending else { return }
            task.failedPushes = min(task.failedPushes + 1, Int(Int32.max))
            task.nextPushAt =
                isRepeated ? PushRetry.next(after: task.failedPushes, now: now, expiresAt: task.expiresAt) : nil
        }.task
    }

    /// Whether the agent told anything about the task while it was pushed.
    private func hasReported(_ now: AgentTask, since pushed: AgentTask, lastEvent: Int64) async throws -> Bool {
        switch now.state {
        case .pending, .rejected: return false
        // Only a receipt leaves a result: the time of the task may have ended meanwhile, too.
        case .success, .failed: return now.result != nil
        case .running:
            guard pushed.state == .running else { return true }
            // With a token that was revoked meanwhile nothing could be told; the event says that it was revoked.
            guard now.nonce == pushed.nonce else { return false }
            return try await tasks.newestEvent(of: now.id) != lastEvent
        }
    }
}

/// The task was to be pushed by itself, but something else was faster.
private struct Overtaken: Error {}

// MARK: - Tried again

extension TaskPusher {
    /// How often is looked whether there are some.
    static let interval = Duration.seconds(1)
    /// How many tasks are pushed again at the same time.
    static let mostAtOnce = 64
    /// How long to wait when nothing can be written down: the disk is full, or does not answer.
    static let rest = Duration.seconds(10)

    /// Pushes the tasks whose time has come again, as many as there is room for; waits for no agent.
    ///
    /// - Throws: ``DatabaseError``.
    func pushDue() async throws {
        // The setting may have changed since their time was written down.
        guard configuration.pushRetry != .never, !isResting else { return }
        for id in try await tasks.duePushes(limit: Self.mostAtOnce) where takesRoom(id) {
            Task {
                await pushAgain(id)
                state.withLock { _ = $0.again.remove(id) }
            }
        }
    }

    private func takesRoom(_ id: String) -> Bool {
        state.withLock { $0.again.count < Self.mostAtOnce && $0.again.insert(id).inserted }
    }

    /// Pushes a task whose time has come again, unless something has happened to it since.
    func pushAgain(_ id: String) async {
        do {
            _ = try await join(id, .due).value
        } catch is CancellationError {
            return
        } catch is Overtaken {
            return
        } catch {
            do {
                try await postpone(id, (error as? HTTPError)?.code)
            } catch let error as HTTPError where error.has(.taskNotFound) {
                // Deleted with its agent.
                return
            } catch {
                // The others fail likewise, and one line says it.
                guard beginsRest() else { return }
                context.logger.error("a task cannot be pushed again", ["task.id": id, "error": "\(error)"])
            }
        }
    }

    private var isResting: Bool {
        let now = context.clock.now
        return state.withLock { $0.restsUntil.map { now < $0 } ?? false }
    }

    /// Begins no push by itself for a while; false when that is so already.
    private func beginsRest() -> Bool {
        guard !isResting else { return false }
        let end = context.clock.now.advanced(by: Self.rest)
        state.withLock { $0.restsUntil = end }
        return true
    }

    /// Gives a push that was not even begun, such as one to an agent that is disabled, its next time.
    private func postpone(_ id: String, _ code: String?) async throws {
        let now = context.clock.wallClock
        _ = try await tasks.tell(id, .notAccepted) { task, _ in
            guard PushRetry.isDue(task.nextPushAt, now: now) else { return }
            task.errorMessage = code ?? task.errorMessage
            task.failedPushes = min(task.failedPushes + 1, Int(Int32.max))
            task.nextPushAt = PushRetry.next(after: task.failedPushes, now: now, expiresAt: task.expiresAt)
        }
    }
}
