import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// What can be wrong with a request of an agent.
enum Fault: String, CaseIterable, Sendable {
    case noToken, forged, tokenExpired, noAgentClaim, wrongScope, bodyDiffers, otherPath, unknownAgent, unknownTask
    case foreignTask, revoked, notAllowed, taskExpired, otherManifest, badBody
}

/// Routes that a task's token opens.
enum TaskRoute: String, CaseIterable, Sendable {
    case events, complete, failed, manifest, verify

    /// The checks in the order of `spec/agents.md` §2 and §6, with the code of each; `nil` is 422.
    var checks: [(fault: Fault, code: AgentCode?)] {
        let token: [(Fault, AgentCode?)] = [
            (.noToken, .tokenRequired), (.forged, .tokenInvalid), (.tokenExpired, .tokenExpired),
            (.noAgentClaim, .payloadInvalid),
        ]
        let task: [(Fault, AgentCode?)] = [
            (.unknownTask, .taskNotFound), (.foreignTask, .taskForbidden), (.revoked, .payloadMismatch),
        ]
        switch self {
        case .events, .complete, .failed:
            return token + [(.wrongScope, .scopeInvalid), (.otherPath, .taskForbidden)] + task + [
                (.notAllowed, .agentNotAllowed), (.taskExpired, .taskExpired), (.badBody, nil),
            ]
        case .manifest:
            return token + [(.wrongScope, .scopeInvalid)] + task + [
                (.notAllowed, .agentNotAllowed), (.taskExpired, .taskExpired), (.otherManifest, .manifestForbidden),
            ]
        case .verify:
            return token + [
                (.bodyDiffers, .payloadMismatch), (.unknownAgent, .agentNotFound), (.notAllowed, .agentNotAllowed),
            ] + task + [(.taskExpired, .taskExpired)]
        }
    }
}

/// Of two things that are wrong the earlier check answers.
@Suite struct CheckOrderTests {
    @Test("the checks come in the order of the specification", arguments: TaskRoute.allCases)
    func order(_ route: TaskRoute) async throws {
        let checks = route.checks
        for (index, first) in checks.enumerated() {
            for second in checks[index...] {
                let answer = try await Self.send(route, [first.fault, second.fault])
                let comment: Comment = "\(route) with \(first.fault) and \(second.fault): \(answer)"
                if let code = first.code {
                    #expect(answer.json?["detail"]?.stringValue == code.rawValue, comment)
                    #expect(answer.status == code.status, comment)
                } else {
                    #expect(answer.status == 422, comment)
                }
            }
        }
    }

    @Test("without a fault they all answer", arguments: TaskRoute.allCases)
    func noFault(_ route: TaskRoute) async throws {
        let answer = try await Self.send(route, [])
        #expect(answer.status == .ok, "\(answer)")
    }

    @Test("no refused request moves its task", arguments: [TaskRoute.events, .complete, .failed])
    func nothingMoves(_ route: TaskRoute) async throws {
        // A task whose time is over is ended by the daemon itself.
        for check in route.checks where check.fault != .taskExpired {
            try await withAgents(configuration: TokenForge.configuration) { rig in
                _ = try await Self.send(route, [check.fault], rig)
                for id in ["mine", "foreign"] {
                    let state = try await rig.tasks.find(id).state
                    #expect(state == .pending, "\(route) with \(check.fault) moved \(id) to \(state)")
                }
            }
        }
    }

    private static func send(_ route: TaskRoute, _ faults: Set<Fault>) async throws -> TestResponse {
        var answer: TestResponse?
        try await withAgents(configuration: TokenForge.configuration) { answer = try await send(route, faults, $0) }
        return try #require(answer)
    }

    private static func send(_ route: TaskRoute, _ faults: Set<Fault>, _ rig: AgentsRig) async throws -> TestResponse {
        _ = try await rig.addAgent("a")
        _ = try await rig.addAgent("b")
        let manifest = try await rig.addManifest()
        let mine = try await rig.addTask("mine", agent: "a", manifest: manifest)
        let foreign = try await rig.addTask("foreign", agent: "b", manifest: manifest)
        if faults.contains(.notAllowed) { _ = await rig.admin(.put, "/agents/a", ["allowed": false]) }
        if faults.contains(.taskExpired) { rig.host.clock.advance(by: .seconds(3601)) }
        var task = faults.contains(.foreignTask) ? foreign.id : mine.id
        if faults.contains(.unknownTask) { task = "nothing" }

        var claims = TokenForge.claims(faults.contains(.foreignTask) ? foreign : mine)
        claims["agent_id"] = faults.contains(.unknownAgent) ? "ghost" : "a"
        claims["task_id"] = .string(task)
        if faults.contains(.tokenExpired) { claims["exp"] = 1_000_000_000 }
        if faults.contains(.noAgentClaim) { claims["agent_id"] = nil }
        if faults.contains(.wrongScope) { claims["scope"] = "agent" }
        if faults.contains(.revoked) { claims["nonce"] = "00000000000000000000000000000000" }
        var token: String? = TokenForge.token(.object(claims))
        if faults.contains(.forged) {
            token = TokenForge.token(.object(claims), key: Secret("another secret of 32 bytes......"))
        }
        if faults.contains(.noToken) { token = nil }

        let body: JSON = faults.contains(.badBody) ? [] : ["message": "m"]
        switch route {
        case .events, .complete, .failed:
            let path = faults.contains(.otherPath) ? "elsewhere" : task
            return await rig.agent(.post, "/tasks/\(path)/\(route.rawValue)", token: token, body)
        case .manifest:
            let id = faults.contains(.otherManifest) ? manifest + 1 : manifest
            return await rig.agent(.get, "/manifests/\(id)", token: token)
        case .verify:
            var body: JSONObject = ["token": token.map { .string($0) } ?? .null]
            if faults.contains(.bodyDiffers) { body["agent_id"] = "somebody" }
            return await rig.agent(.post, "/auth/verify", token: nil, .object(body))
        }
    }
}
