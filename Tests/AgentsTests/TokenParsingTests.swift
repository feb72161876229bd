import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// Headers and claims of odd types, and tokens that are signed well and yet speak for somebody else.
@Suite struct TokenParsingTests {
    private static let odd: [JSON] = [1, 1.5, true, .null, ["main"], ["kid": "main"]]

    @Test("a key id that is no text makes no token, also with one key", arguments: odd)
    func oddKeyID(_ keyID: JSON) async throws {
        try await withAgents(configuration: TokenForge.configuration) { rig in
            let (task, _) = try await rig.oneTask()
            let token = TokenForge.token(
                .object(TokenForge.claims(task)), header: ["alg": "HS256", "typ": "JWT", "kid": keyID])
            rig.expect(
                await rig.agent(.post, "/tasks/\(task.id)/events", token: token, ["message": "m"]), .tokenInvalid)
        }
    }

    @Test("a claim of another type is no claim", arguments: ["task_id", "agent_id", "iat", "scope", "nonce"])
    func oddClaim(_ name: String) async throws {
        try await withAgents(configuration: TokenForge.configuration) { rig in
            let (task, _) = try await rig.oneTask()
            var values: [JSON] = [1.5, true, ["x"], ["x": 1]]
            if name != "iat" { values.append(7) }
            for scope in ["task", "agent"] {
                for value in values {
                    var claims = TokenForge.claims(task)
                    claims["scope"] = .string(scope)
                    claims[name] = value
                    let answer = await rig.agent(
                        .post, "/agents/comfyui-158/heartbeat", token: TokenForge.token(.object(claims)), [:])
                    rig.expect(answer, .payloadInvalid, "\(scope) \(value): \(answer)")
                }
            }
        }
    }

    @Test("of a name that comes twice the last one counts, as RFC 7515 §4 has it, however it is spelled")
    func repeatedNames() async throws {
        try await withAgents(configuration: TokenForge.configuration) { rig in
            let (task, _) = try await rig.oneTask()
            let claims = JSON.object(TokenForge.claims(task)).text()
            let cases: [(header: String, claims: String, isGood: Bool)] = [
                (#"{"alg":"none","alg":"HS256","kid":"main"}"#, claims, true),
                (#"{"alg":"HS256","kid":"main","\u0061lg":"none"}"#, claims, false),
                (#"{"alg":"HS256"}"#, String(claims.dropLast()) + #","t\u0061sk_id":"another"}"#, false),
                (#"{"alg":"HS256"}"#, String(claims.dropLast()) + #","exp":1}"#, false),
            ]
            for (header, claims, isGood) in cases {
                let parts = [header, claims].map { Base64.encodeURL(Array($0.utf8)) }.joined(separator: ".")
                let answer = await rig.agent(
                    .post, "/tasks/\(task.id)/events", token: TokenForge.sign(parts), ["message": "m"])
                #expect((answer.status == .ok) == isGood, "\(header) \(claims): \(answer)")
            }
        }
    }

    @Test("a token with letters beyond ASCII, blanks or line breaks is none")
    func strangeLetters() async throws {
        try await withAgents(configuration: TokenForge.configuration) { rig in
            let (task, token) = try await rig.oneTask()
            let middle = token.index(token.startIndex, offsetBy: 20)
            for strange in ["é", "\u{0301}", " ", "\n", "\u{0}", "\u{FEFF}", "%3D"] {
                var text = token
                text.insert(contentsOf: strange, at: middle)
                rig.expect(
                    await rig.agent(.post, "/auth/verify", token: nil, ["token": .string(text)]), .tokenInvalid)
            }
            let dots = token.replacing(".", with: ".\u{0301}")
            rig.expect(await rig.agent(.post, "/auth/verify", token: nil, ["token": .string(dots)]), .tokenInvalid)
            #expect(try await rig.tasks.find(task.id).state == .pending)
        }
    }

    @Test("a token of a task vouches for no agent but the task's")
    func foreignTask() async throws {
        try await withAgents(configuration: TokenForge.configuration) { rig in
            let (task, _) = try await rig.oneTask()
            _ = try await rig.addAgent("victim")
            var claims = TokenForge.claims(task)
            claims["agent_id"] = "victim"
            let answer = await rig.agent(
                .post, "/agents/victim/heartbeat", token: TokenForge.token(.object(claims)), [:])
            rig.expect(answer, .taskForbidden)
            #expect(await rig.admin(.get, "/agents/victim").json?["last_heartbeat_at"] == .null)
        }
    }

    @Test("the tokens of a deleted agent do not speak for one that is added later under its id")
    func addedAgain() async throws {
        try await withAgents { rig in
            let old = try await rig.addAgent()
            rig.host.clock.advance(by: .seconds(2))
            _ = await rig.admin(.delete, "/agents/comfyui-158")
            let new = try await rig.addAgent()
            let directory = try #require(rig.host.capability(.agentDirectory))
            let request = Request(
                id: "r", method: .post, target: "/api/agent/agents/comfyui-158/alerts",
                headers: ["Authorization": "Bearer \(old)"])
            await #expect(throws: HTTPError.self) { try await directory.authorise(request, as: "comfyui-158") }
            rig.expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: old, [:]), .payloadMismatch)
            rig.expect(await rig.agent(.post, "/auth/verify", token: nil, ["token": .string(old)]), .payloadMismatch)
            #expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: new, [:]).status == .ok)
            #expect(await rig.agent(.post, "/auth/verify", token: nil, ["token": .string(new)]).status == .ok)
        }
    }

    @Test("a token that is made after the wall clock was put back is good all the same")
    func clockPutBack() async throws {
        let directory = try TestDirectory()
        try await withAgents(directory: directory) { _ = try await $0.addAgent() }
        let host = try TestHost<AgentsPlugin>(
            clock: ManualClock(wallClock: Timestamp(milliseconds: 1_700_000_000_000)), directory: directory)
        try await host.start()
        let rig = AgentsRig(host: host)
        let token = try #require(await rig.admin(.post, "/agents/comfyui-158/token").json?["token"]?.stringValue)
        #expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token, [:]).status == .ok)
        await host.stop()
    }
}
