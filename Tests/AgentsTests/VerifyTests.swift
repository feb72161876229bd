import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// Seed 001 §2, `spec/agents.md` §6.2.
@Suite struct VerifyTests {
    @Test("the seed's question is answered as the seed says, in either spelling", arguments: [true, false])
    func seed(_ snake: Bool) async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask()
            let answer = await rig.agent(
                .post, "/auth/verify", token: nil,
                [
                    "token": .string(token), snake ? "agent_id" : "agentId": "comfyui-158",
                    snake ? "task_id" : "taskId": .string(task.id), "nonce": .string(task.nonce),
                ])
            #expect(answer.status == .ok)
            #expect(
                answer.json == [
                    "ok": true, "agentId": "comfyui-158", "taskId": "agt_20260205_0001",
                    "expiresAt": .string(task.expiresAt.iso8601), "scope": "task", "policy": ["allow": true],
                ])
        }
    }

    @Test("the token alone is enough, and an empty value is no value")
    func tokenAlone() async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            let text: JSON = .string(token)
            for body in [["token": text], ["token": text, "agent_id": "", "task_id": .null]] as [JSON] {
                #expect(await rig.agent(.post, "/auth/verify", token: nil, body).json?["ok"] == true)
            }
        }
    }

    @Test("an agent's own token has neither task nor end to show")
    func agentToken() async throws {
        try await withAgents { rig in
            let token = try await rig.addAgent()
            let answer = await rig.agent(.post, "/auth/verify", token: nil, ["token": .string(token)])
            #expect(
                answer.json == [
                    "ok": true, "agentId": "comfyui-158", "taskId": .null, "expiresAt": .null, "scope": "agent",
                    "policy": ["allow": true],
                ])
            let asked = await rig.agent(
                .post, "/auth/verify", token: nil, ["token": .string(token), "task_id": "agt_20260205_0001"])
            rig.expect(asked, .payloadMismatch)
        }
    }

    @Test("each value that differs from the token is a mismatch", arguments: ["agent_id", "taskId", "nonce"])
    func mismatch(_ key: String) async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            let answer = await rig.agent(
                .post, "/auth/verify", token: nil, ["token": .string(token), key: "another"])
            rig.expect(answer, .payloadMismatch)
        }
    }

    @Test("without a token there is nothing to verify", arguments: [[:], ["token": ""], ["token": .null]] as [JSON])
    func noToken(_ body: JSON) async throws {
        try await withAgents { rig in
            rig.expect(await rig.agent(.post, "/auth/verify", token: nil, body), .tokenRequired)
        }
    }

    @Test("no body is no token, and a body of the wrong form is said to be one")
    func badBody() async throws {
        try await withAgents { rig in
            rig.expect(await rig.agent(.post, "/auth/verify", token: nil), .tokenRequired)
            for body in [[], ["token": 1], ["token": "a", "agent_id": 1]] as [JSON] {
                let answer = await rig.agent(.post, "/auth/verify", token: nil, body)
                #expect(answer.status == 422)
                #expect(answer.json?["detail"]?.arrayValue?.isEmpty == false)
            }
            let large: JSON = ["token": .string(String(repeating: "x", count: 100_000))]
            #expect(await rig.agent(.post, "/auth/verify", token: nil, large).status == 413)
        }
    }

    @Test("the tokens of a deleted agent verify no more")
    func deletedAgent() async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            _ = await rig.admin(.delete, "/agents/comfyui-158")
            rig.expect(
                await rig.agent(.post, "/auth/verify", token: nil, ["token": .string(token)]), .agentNotFound)
        }
    }
}
