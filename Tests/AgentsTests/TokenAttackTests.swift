import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// Tokens that must not pass, at every route that a task's token opens (`spec/agents.md` §2, RFC 8725).
@Suite struct TokenAttackTests {
    /// How a good token is turned into a bad one.
    struct Attack: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: AgentCode
        let make: @Sendable (JSONObject) -> String

        init(_ name: String, _ code: AgentCode, _ make: @escaping @Sendable (JSONObject) -> String) {
            testDescription = name
            self.code = code
            self.make = make
        }

        init(_ name: String, _ make: @escaping @Sendable (JSONObject) -> String) {
            self.init(name, .tokenInvalid, make)
        }
    }

    private static func parts(_ claims: JSONObject) -> [String] {
        TokenForge.token(.object(claims)).split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    }

    private static func claim(_ name: String, _ value: JSON?) -> @Sendable (JSONObject) -> String {
        { claims in
            var claims = claims
            claims[name] = value
            return TokenForge.token(.object(claims))
        }
    }

    private static func header(_ header: JSON) -> @Sendable (JSONObject) -> String {
        { TokenForge.token(.object($0), header: header) }
    }

    static let attacks: [Attack] = [
        Attack("no algorithm and no signature") {
            let header = Base64.encodeURL(JSON.object(["alg": "none", "typ": "JWT"]).serialized(.compact))
            return "\(header).\(parts($0)[1])."
        },
        Attack("no algorithm, yet signed", header(["alg": "none", "kid": "main"])),
        Attack("NoNe", header(["alg": "NoNe", "kid": "main"])),
        Attack("HS512 by name", header(["alg": "HS512", "kid": "main"])),
        Attack("RS256 by name", header(["alg": "RS256", "kid": "main"])),
        Attack("an algorithm in other letters", header(["alg": "hs256", "kid": "main"])),
        Attack("an algorithm that is no text", header(["alg": ["HS256"], "kid": "main"])),
        Attack("a header without an algorithm", header(["typ": "JWT", "kid": "main"])),
        Attack("an extension that must be understood", header(["alg": "HS256", "kid": "main", "crit": ["exp"]])),
        Attack("a header that is a list", header(["HS256"])),
        Attack("altered claims") { claims in
            var altered = claims
            altered["agent_id"] = "b"
            let payload = Base64.encodeURL(JSON.object(altered).serialized(.compact))
            return "\(parts(claims)[0]).\(payload).\(parts(claims)[2])"
        },
        Attack("a stripped signature") { "\(parts($0)[0]).\(parts($0)[1])." },
        Attack("no third part") { "\(parts($0)[0]).\(parts($0)[1])" },
        Attack("a fourth part") { TokenForge.token(.object($0)) + ".x" },
        Attack("a shortened signature") { String(TokenForge.token(.object($0)).dropLast(4)) },
        Attack("a padded signature") { TokenForge.token(.object($0)) + "=" },
        Attack("another spelling of the signature's last bits") { claims in
            let token = TokenForge.token(.object(claims))
            let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
            let last = alphabet.firstIndex(of: token.last ?? "A") ?? 0
            return token.dropLast() + String(alphabet[last ^ 1])
        },
        Attack("another key") { TokenForge.token(.object($0), key: Secret("another secret of 32 bytes......")) },
        Attack("no key") { TokenForge.token(.object($0), key: Secret("")) },
        Attack("claims that are a list") { _ in TokenForge.token([]) },
        Attack("claims that are no JSON") { _ in
            TokenForge.sign(
                Base64.encodeURL(TokenForge.header.serialized(.compact)) + "." + Base64.encodeURL([0xFF, 0x7B]))
        },
        Attack("claims that are deep") { claims in
            var deep: JSON = 1
            for _ in 0..<200 { deep = [deep] }
            return claim("x", deep)(claims)
        },
        Attack("an oversized token", claim("x", .string(String(repeating: "x", count: 5000)))),
        Attack("words") { _ in "not a token" },
        Attack("an end in the past", .tokenExpired, claim("exp", 1_700_000_000)),
        Attack("an end before 1970", .tokenExpired, claim("exp", -1)),
        Attack("no end", .payloadInvalid, claim("exp", nil)),
        Attack("an end that is a text", .payloadInvalid, claim("exp", "4000000000")),
        Attack("an end with a fraction", .payloadInvalid, claim("exp", 4_000_000_000.5)),
        Attack(
            "an end out of range", .payloadInvalid,
            claim("exp", .number(JSONNumber(literal: "1e400") ?? JSONNumber(0)))),
        Attack("no nonce", .payloadInvalid, claim("nonce", nil)),
        Attack("a nonce that is null", .payloadInvalid, claim("nonce", .null)),
        Attack("no agent", .payloadInvalid, claim("agent_id", nil)),
        Attack("an agent without a name", .payloadInvalid, claim("agent_id", "")),
        Attack("no task", .payloadInvalid, claim("task_id", .null)),
        Attack("a scope of debug", .scopeInvalid, claim("scope", "debug")),
        Attack("no scope", .payloadInvalid, claim("scope", nil)),
    ]

    @Test("a token that must not pass does not", arguments: attacks)
    func attack(_ attack: Attack) async throws {
        try await withAgents(configuration: TokenForge.configuration) { rig in
            let (task, _) = try await rig.oneTask(withManifest: true)
            let token = attack.make(TokenForge.claims(task))
            for route in ["events", "complete", "failed"] {
                let answer = await rig.agent(.post, "/tasks/\(task.id)/\(route)", token: token, ["message": "m"])
                rig.expect(answer, attack.code, "\(route): \(answer)")
            }
            rig.expect(await rig.agent(.get, "/manifests/\(task.manifestID ?? 0)", token: token), attack.code)
            rig.expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token, [:]), attack.code)
            rig.expect(await rig.agent(.post, "/auth/verify", token: nil, ["token": .string(token)]), attack.code)
            #expect(try await rig.tasks.find(task.id).state == .pending)
        }
    }

    @Test("a header that is no Bearer token is none", arguments: ["", "Bearer", "Bearer   ", "Basic YTpi", "token"])
    func noToken(_ value: String) async throws {
        try await withAgents { rig in
            let (task, _) = try await rig.oneTask()
            let answer = await rig.host.send(
                .post, "/api/agent/tasks/\(task.id)/events", headers: ["Authorization": value], json: ["message": "m"])
            rig.expect(answer, .tokenRequired)
        }
    }

    @Test("the word Bearer may be in any case")
    func bearerCase() async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask()
            let answer = await rig.host.send(
                .post, "/api/agent/tasks/\(task.id)/events", headers: ["Authorization": "bEARER  \(token)"],
                json: ["message": "m"])
            #expect(answer.status == .ok)
        }
    }

    @Test("an agent's token opens no task, and a task's token not another agent")
    func scopes() async throws {
        try await withAgents { rig in
            let agentToken = try await rig.addAgent()
            _ = try await rig.addAgent("comfyui-159")
            let task = try await rig.addTask(manifest: try await rig.addManifest())
            rig.expect(
                await rig.agent(.post, "/tasks/\(task.id)/events", token: agentToken, ["message": "m"]), .scopeInvalid)
            rig.expect(await rig.agent(.get, "/manifests/1", token: agentToken), .scopeInvalid)
            let token = try rig.token(of: task)
            let own = await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token, [:])
            #expect(own.status == .ok)
            // The same words whether the agent exists or not.
            for id in ["comfyui-159", "nobody"] {
                rig.expect(await rig.agent(.post, "/agents/\(id)/heartbeat", token: token, [:]), .agentNotAllowed)
                rig.expect(await rig.agent(.post, "/agents/\(id)/heartbeat", token: agentToken, [:]), .agentNotAllowed)
            }
        }
    }

    @Test("a token is of no use after the task's nonce changed, also not for a heartbeat")
    func replay() async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask(withManifest: true)
            #expect(await rig.agent(.post, "/tasks/\(task.id)/events", token: token, ["message": "m"]).status == .ok)
            _ = try await rig.tasks.tell(task.id, .notAccepted) { task, _ in
                task.nonce = String(repeating: "a", count: 32)
            }
            for route in ["events", "complete", "failed"] {
                let answer = await rig.agent(.post, "/tasks/\(task.id)/\(route)", token: token, ["message": "m"])
                rig.expect(answer, .payloadMismatch)
            }
            rig.expect(await rig.agent(.get, "/manifests/1", token: token), .payloadMismatch)
            rig.expect(await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: token, [:]), .payloadMismatch)
            rig.expect(await rig.agent(.post, "/auth/verify", token: nil, ["token": .string(token)]), .payloadMismatch)
            let renewed = try rig.token(of: try await rig.tasks.find(task.id))
            #expect(await rig.agent(.post, "/tasks/\(task.id)/complete", token: renewed).status == .ok)
        }
    }

    @Test("the token of a cancelled task is revoked")
    func cancelled() async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask()
            #expect(await rig.admin(.post, "/tasks/\(task.id)/cancel").json?["status"] == "rejected")
            rig.expect(await rig.agent(.post, "/tasks/\(task.id)/complete", token: token), .payloadMismatch)
            #expect(try await rig.tasks.find(task.id).state == .rejected)
        }
    }

    @Test("no refusal and no log line repeats a token")
    func secrecy() async throws {
        try await withAgents(configuration: TokenForge.configuration) { rig in
            let (task, token) = try await rig.oneTask()
            let bad = token + "x"
            let answers = [
                await rig.agent(.post, "/tasks/\(task.id)/events", token: bad, ["message": "m"]),
                await rig.agent(.post, "/auth/verify", token: nil, ["token": .string(bad)]),
                await rig.agent(.post, "/auth/verify", token: nil, ["token": [.string(bad)]]),
            ]
            for answer in answers { #expect(!answer.text.contains(token)) }
            #expect(!rig.host.logs.lines.contains { $0.description.contains(token) })
        }
    }
}
