import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

extension AgentsRig {
    /// The tasks on disk.
    var tasks: TaskStore { host.plugin.tasks }

    /// Makes a manifest.
    func addManifest(_ version: String = "2026.02.05-001") async throws -> Int {
        let answer = await admin(
            .post, "/manifests",
            [
                "role": "full", "version": .string(version),
                "content": ["comfyui": ["commit": "abc"], "models": [], "plugins": [], "workflows": []],
            ])
        return try #require(answer.json?["id"]?.intValue, "\(answer)")
    }

    /// Makes a task that is not pushed; the agent has to be there.
    func addTask(_ id: String = "agt_20260205_0001", agent: String = "comfyui-158", manifest: Int? = nil) async throws
        -> AgentTask
    {
        var body: JSONObject = ["agentId": .string(agent), "taskId": .string(id), "actions": ["sync_models"]]
        if let manifest { body["manifestId"] = .number(JSONNumber(manifest)) }
        let answer = await admin(.post, "/tasks?push=false", .object(body))
        #expect(answer.status == .ok, "\(answer)")
        return try await tasks.find(id)
    }

    /// The token of a task, as a push gives it to the agent.
    func token(of task: AgentTask, until end: Timestamp? = nil) throws -> String {
        try host.plugin.gate.tokens.issue(
            agentID: task.agentID, taskID: task.id, nonce: task.nonce, until: end ?? task.expiresAt
        ).token.withExposed { $0 }
    }

    /// An agent with one task; its manifest, if any, is made too.
    func oneTask(withManifest: Bool = false) async throws -> (task: AgentTask, token: String) {
        _ = try await addAgent()
        let task = try await addTask(manifest: withManifest ? try await addManifest() : nil)
        return (task, try token(of: task))
    }

    /// The code of an error.
    func expect(
        _ answer: TestResponse, _ code: AgentCode, _ comment: Comment? = nil,
        at place: SourceLocation = #_sourceLocation
    ) {
        #expect(answer.json?["detail"]?.stringValue == code.rawValue, comment, sourceLocation: place)
        #expect(answer.status == code.status, comment, sourceLocation: place)
    }
}
