import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// `spec/agents.md` §5 fact 3: the agent works inside the push, reports meanwhile, and answers last or never.
@Suite("an agent that works inside the push")
struct WorkingAgentTests {
    /// How the push ends after the work.
    enum Ending: String, CaseIterable, Sendable {
        case answer
        case timeout
        case brokenConnection

        func end(_ taken: ScriptedAgent.Taken) async throws -> ClientResponse {
            switch self {
            case .answer: return try await ScriptedAgent.accepting(taken)
            case .timeout: return try await ScriptedAgent.silent(taken)
            case .brokenConnection:
                throw HTTPClientError(.connection, mayHaveBeenProcessed: true, "the connection ended")
            }
        }
    }

    @Test("its success stays, however the push ends", arguments: Ending.allCases)
    func succeeds(_ ending: Ending) async throws {
        try await withAgent { rig, agent in
            agent.does { taken in
                try await rig.report(taken.id, .reported)
                #expect(await rig.task()["status"] == "running")
                try await rig.report(taken.id, .completed)
                return try await ending.end(taken)
            }
            let made = try await rig.pushed()
            #expect(made.status == .ok, "\(made.text)")
            #expect(made.json?["status"] == "success" && made.json?["errorMessage"] == .null)
            #expect(made.json?["finishedAt"] != .null)
        }
    }

    @Test("work that outlasts the push is no failure", arguments: [Ending.timeout, .brokenConnection])
    func outlasts(_ ending: Ending) async throws {
        try await withAgent { rig, agent in
            agent.does { taken in
                try await rig.report(taken.id, .reported)
                return try await ending.end(taken)
            }
            let made = try await rig.pushed()
            #expect(made.status == .ok && made.json?["status"] == "running")
            #expect(made.json?["errorMessage"] == .null)
            let again = await rig.admin(.post, "/tasks/agt_1/push")
            #expect(again.status == .ok && again.json?["pushStatus"] == .null, "it reported again")
            agent.does(ending.end)
            let silent = await rig.admin(.post, "/tasks/agt_1/push")
            #expect(silent.status == .badGateway && silent.json?["status"] == "running", "and now it did not")
            #expect(await rig.task()["errorMessage"] == .null)
            try await rig.report("agt_1", .completed)
            #expect(await rig.task()["status"] == "success")
        }
    }

    @Test("a failed receipt stays when the push ends with 400")
    func failsInside() async throws {
        try await withAgent { rig, agent in
            agent.does { taken in
                try await rig.report(taken.id, .failed)
                return .json(["detail": "DOWNLOAD_FAILED"], status: .badRequest)
            }
            let made = try await rig.pushed()
            #expect(made.status == .badGateway && made.json?["status"] == "failed")
            #expect(made.json?["pushStatus"] == 400)
            #expect(await rig.task()["errorMessage"] == .null, "the receipt says why")
        }
    }

    @Test("one that dies before it tells anything leaves the task to be pushed again")
    func diesFirst() async throws {
        try await withAgent { rig, agent in
            agent.does(Ending.brokenConnection.end)
            let made = try await rig.pushed()
            #expect(made.status == .badGateway)
            let task = await rig.task()
            #expect(task["status"] == "pending" && task["errorMessage"] == "AGENT_PUSH_TIMEOUT")
            agent.does(ScriptedAgent.accepting)
            #expect(await rig.admin(.post, "/tasks/agt_1/push").json?["status"] == "running")
        }
    }

    @Test("a task that an administrator cancels meanwhile stays cancelled", arguments: Ending.allCases)
    func cancelled(_ ending: Ending) async throws {
        try await withAgent { rig, agent in
            agent.does { taken in
                #expect(await rig.admin(.post, "/tasks/\(taken.id)/cancel").status == .ok)
                return try await ending.end(taken)
            }
            let made = try await rig.pushed()
            #expect(made.status == (ending == .answer ? .ok : .badGateway))
            let task = await rig.task()
            #expect(task["status"] == "rejected" && task["errorMessage"] == "AGENT_TASK_CANCELLED")
        }
    }

    @Test("one without a manifest's address refuses, and the task says so")
    func withoutManifest() async throws {
        try await withAgent { rig, _ in
            _ = try await rig.addAgent()
            let made = await rig.admin(.post, "/tasks", ["agentId": "comfyui-158", "actions": ["restart"]])
            #expect(made.status == .badGateway && made.json?["pushStatus"] == 400)
        }
    }
}
