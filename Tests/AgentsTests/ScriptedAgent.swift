import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Agents

/// The receiving side of a push as `spec/agents.md` §5 records it: refuses what has no manifest, takes an action that is not
/// spoken of for a wanted one, works inside the request, and answers only then.
final class ScriptedAgent: Sendable {
    /// A task as the agent understood it.
    struct Taken: Sendable {
        let request: ClientRequest
        let body: JSON
        /// What it does: the actions of the task merged over its defaults.
        let actions: Set<String>

        var id: String { body["task_id"]?.stringValue ?? "" }
        var token: String { body["token"]?.stringValue ?? "" }
    }

    /// What it does with a task before it answers.
    typealias Work = @Sendable (Taken) async throws -> ClientResponse

    private let tasks = Mutex<[Taken]>([])
    private let work: Mutex<Work>

    init(_ work: @escaping Work = ScriptedAgent.accepting) {
        self.work = Mutex(work)
    }

    /// The tasks it was sent so far.
    var taken: [Taken] { tasks.withLock { $0 } }

    /// Does something else from now on.
    func does(_ work: @escaping Work) {
        self.work.withLock { $0 = work }
    }

    /// Takes a request that the plugin sends.
    func take(_ request: ClientRequest) async throws -> ClientResponse {
        let bytes = try await request.body?.collect(upTo: 1 << 20) ?? []
        let body = try JSON(parsing: bytes)
        let taken = Taken(request: request, body: body, actions: Self.merged(body["actions"]))
        tasks.withLock { $0.append(taken) }
        guard !taken.id.isEmpty, !taken.token.isEmpty, body["manifest_url"]?.stringValue?.isEmpty == false else {
            return .json(["detail": "MANIFEST_URL_REQUIRED"], status: .badRequest)
        }
        return try await work.withLock { $0 }(taken)
    }

    private static func merged(_ actions: JSON?) -> Set<String> {
        var wanted: Set = ["sync_models", "sync_plugins", "sync_workflows"]
        for (action, isWanted) in actions?.objectValue ?? [:] {
            if isWanted == true { wanted.insert(action) } else { wanted.remove(action) }
        }
        return wanted
    }
}

// MARK: - What agents do

extension ScriptedAgent {
    /// Does nothing and says that it was done.
    static let accepting: Work = { .json(["status": "accepted", "task_id": .string($0.id)]) }
    /// Has another task.
    static let busy: Work = { _ in .json(["detail": "busy"], status: .conflict) }
    /// Is switched off.
    static let off: Work = { throw StubHTTPClient.refused($0.request) }
    /// Takes the request and says nothing until the client gives up.
    static let silent: Work = { _ in
        throw HTTPClientError(.timeout, mayHaveBeenProcessed: true, "no answer within 15.0 seconds")
    }

    /// Answers with a status.
    static func status(_ status: Status) -> Work { { _ in .json(["detail": "no"], status: status) } }
}

/// Runs a body with the plugin, one agent and a task's wish for it.
func withAgent(
    configuration: JSON = [:], agent: ScriptedAgent = ScriptedAgent(), directory: TestDirectory? = nil,
    body: (AgentsRig, ScriptedAgent) async throws -> Void
) async throws {
    try await withAgents(configuration: configuration, directory: directory) { rig in
        rig.host.client.answer { try await agent.take($0) }
        try await body(rig, agent)
    }
}

extension AgentsRig {
    /// What a task needs to be pushed to `comfyui-158`.
    static let wish: JSON = [
        "agentId": "comfyui-158", "manifestUrl": "https://centre/m/12", "actions": ["sync_models"], "taskId": "agt_1",
    ]

    /// Makes the task `agt_1` for a new agent and pushes it.
    func pushed(_ wish: JSON = wish) async throws -> TestResponse {
        _ = try await addAgent()
        return await admin(.post, "/tasks", wish)
    }

    /// The task `agt_1`.
    func task(_ id: String = "agt_1") async -> JSON {
        await admin(.get, "/tasks/\(id)").json ?? .null
    }

    /// Reports about a task as its agent does.
    func report(_ id: String, _ happening: TaskState.Happening) async throws {
        let event = TaskEvent(taskID: id, message: "sync models started", createdAt: host.clock.wallClock)
        _ = try await host.plugin.tasks.tell(id, happening, event: event) { task, moved in
            if moved, task.state.isFinal { task.finishedAt = task.pushedAt }
        }
    }
}
