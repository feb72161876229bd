import PluginAPI
internal import Synchronization

/// Brings tasks to agents (`spec/agents.md` §5); one push per task at a time, and nothing is held while the agent answers.
///
/// Agents do the work inside the push and call back meanwhile, so a push that gets no answer is no failure by itself, and an
/// answer never moves a task that a report has moved.
final class TaskPusher: Sendable {
    /// What came of a push that is no error.
    struct Pushed: Sendable {
        /// The task as it is now.
        var task: AgentTask
        /// The status of the agent's answer; `nil` when it gave none, but works on the task.
        var status: Int?
        /// When the token that it was given ends.
        var tokenExpiresAt: Timestamp

        /// The answer to `POST /tasks/{id}/push`.
        var json: JSON {
            [
                "taskId": .string(task.id), "agentId": .string(task.agentID), "status": .string(task.state.rawValue),
                "pushStatus": status.map { .number(JSONNumber($0)) } ?? .null,
                "tokenExpiresAt": .string(tokenExpiresAt.iso8601),
            ]
        }
    }

    private let tasks: TaskStore
    private let roster: AgentRoster
    private let tokens: AgentTokens
    private let configuration: AgentsConfiguration
    private let context: PluginContext
    private let targets: PushTargets
    private let outcomes: any Counter
    private let running = Mutex<[String: Task<Pushed, any Error>]>([:])

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

    /// Pushes a task, or waits for the push of it that is under way; a failed or rejected one begins anew.
    ///
    /// Who stops waiting does not end the push.
    ///
    /// - Throws: ``HTTPError`` in this order: 404 `AGENT_TASK_NOT_FOUND`, 409 `AGENT_TASK_FINISHED`, 409 `AGENT_TASK_EXPIRED`, 404
    ///   `AGENT_NOT_FOUND`, 403 `AGENT_NOT_ALLOWED`, 400 `AGENT_BASE_URL_MISSING`, 400 `AGENT_PUSH_TARGET_REFUSED`, 502
    ///   `AGENT_PUSH_FAILED`, all but the first with the task's id and state; ``DatabaseError``; `CancellationError` after
    ///   ``cancel()``.
    func push(_ id: String) async throws -> Pushed {
        let push = running.withLock { running in
            if let push = running[id] { return push }
            let push = Task {
                defer { self.running.withLock { $0[id] = nil } }
                return try await self.deliver(id)
            }
            running[id] = push
            return push
        }
        return try await push.value
    }

    /// Ends the pushes under way; their tasks stay as they are, and those that are tried again have their time.
    func cancel() {
        for push in running.withLock({ Array($0.values) }) { push.cancel() }
    }

    private func deliver(_ id: String) async throws -> Pushed {
        let found = try await tasks.find(id)
        do {
            let url = try check(found)
            let task = try await begin(found)
            let lastEvent = try await tasks.newestEvent(of: id)
            let token = try tokens.issue(
                agentID: task.agentID, taskID: task.id, nonce: task.nonce, until: tokenEnd(task))
            let outcome = try await send(task, token.token, to: url)
            let now = try await end(task, outcome)
            let hasReported = try await hasReported(now, since: task, lastEvent: lastEvent)
            if let code = outcome.failure(hasReported: hasReported) {
                throw HTTPError(code, of: now, pushStatus: outcome.status)
            }
            return Pushed(task: now, status: outcome.status?.code, tokenExpiresAt: token.expiresAt)
        } catch let error as HTTPError where error.details == nil {
            throw error.with(found)
        }
    }

    // MARK: - Before

    /// Says where a task is pushed to.
    private func check(_ task: AgentTask) throws(HTTPError) -> String {
        try Self.check(task, context.clock.wallClock)
        let agent = try roster.find(task.agentID)
        guard agent.mayTalk else { throw HTTPError(.agentNotAllowed) }
        guard let url = agent.pushURL else { throw HTTPError(.baseURLMissing) }
        // One within `config` was not checked before.
        guard PushURL.problem(url) == nil else { throw HTTPError(.targetRefused) }
        return url
    }

    private static func check(_ task: AgentTask, _ now: Timestamp) throws(HTTPError) {
        guard task.state != .success else { throw HTTPError(.taskFinished) }
        guard now < task.expiresAt else { throw HTTPError(.taskExpired) }
    }

    /// Writes down that the task is pushed; one that ended begins anew, and its former tokens count no more.
    private func begin(_ found: AgentTask) async throws -> AgentTask {
        let now = context.clock.wallClock
        let nonce = tokens.randomNonce()
        let retry = TaskEvent(taskID: found.id, message: "pushed again after \(found.state.rawValue)", createdAt: now)
        return try await tasks.tell(found.id, .retried, event: found.state.isFinal ? retry : nil) { task, moved in
            try Self.check(task, now)
            if moved {
                (task.startedAt, task.finishedAt, task.result, task.errorMessage) = (nil, nil, nil, nil)
                (task.failedPushes, task.nonce) = (0, nonce)
            }
            task.pushedAt = now
            // If the daemon dies now, a push that was to be repeated is.
            if task.nextPushAt != nil {
                task.nextPushAt = PushRetry.next(after: 1, now: now, expiresAt: task.expiresAt)
            }
        }.task
    }

    private func tokenEnd(_ task: AgentTask) -> Timestamp {
        guard let life = configuration.taskTokenLife else { return task.expiresAt }
        let now = context.clock.wallClock.milliseconds
        return min(task.expiresAt, Timestamp(milliseconds: now + life.inNanoseconds / 1_000_000))
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
        case .pending, .rejected: false
        case .success, .failed: true
        case .running:
            if pushed.state == .running { try await tasks.newestEvent(of: now.id) != lastEvent } else { true }
        }
    }
}

// MARK: - Tried again

extension TaskPusher {
    /// How many pushes are tried again at the same time.
    private static let mostAtOnce = 64

    /// Pushes the tasks whose time has come again; ends when they are all answered.
    ///
    /// - Throws: ``DatabaseError``.
    func pushDue() async throws {
        let due = try await tasks.duePushes(limit: Self.mostAtOnce)
        await withTaskCancellationHandler {
            await withTaskGroup { pushes in
                for id in due { pushes.addTask { await self.pushAgain(id) } }
            }
        } onCancel: {
            cancel()
        }
    }

    private func pushAgain(_ id: String) async {
        do {
            _ = try await push(id)
        } catch is CancellationError {
            return
        } catch {
            do {
                try await postpone(id, (error as? HTTPError)?.code)
            } catch let error as HTTPError where error.code == AgentCode.taskNotFound.rawValue {
                // Deleted with its agent.
                return
            } catch {
                context.logger.error("a task cannot be pushed again", ["task.id": id, "error": "\(error)"])
            }
        }
    }

    /// Gives a push that was not even begun, such as one to an agent that is disabled, its next time.
    private func postpone(_ id: String, _ code: String?) async throws {
        let now = context.clock.wallClock
        _ = try await tasks.tell(id, .notAccepted) { task, _ in
            guard let next = task.nextPushAt, next <= now else { return }
            task.errorMessage = code ?? task.errorMessage
            task.failedPushes = min(task.failedPushes + 1, Int(Int32.max))
            task.nextPushAt = PushRetry.next(after: task.failedPushes, now: now, expiresAt: task.expiresAt)
        }
    }
}

extension HTTPError {
    /// An error of a push, with what the caller has to know of the task.
    fileprivate init(_ code: AgentCode, of task: AgentTask, pushStatus: Status?) {
        self = HTTPError(code).with(task, ["pushStatus": pushStatus.map { .number(JSONNumber($0.code)) } ?? .null])
    }

    /// The error with a task's id and state: the task exists although it was not pushed.
    fileprivate func with(_ task: AgentTask, _ more: JSONObject = [:]) -> HTTPError {
        var facts: JSONObject = [
            "taskId": .string(task.id), "agentId": .string(task.agentID), "status": .string(task.state.rawValue),
        ]
        for (key, value) in more { facts[key] = value }
        var error = self
        error.details = .object(facts)
        return error
    }
}
