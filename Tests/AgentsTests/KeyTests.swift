import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// Keys and their rotation (`spec/agents.md` §2).
@Suite struct KeyTests {
    private static let old = "old:an old secret that has 32 bytes."
    private static let new = "new:a newer secret that has 32 bytes"

    @Test("keys are read as the configuration spells them")
    func entries() {
        let entries = KeyRing.entries("a:one:two, second ,\n# a remark\nb: three ")
        #expect(entries.map(\.id) == ["a", "default", "b"])
        #expect(entries.map { $0.secret.withExposed { $0 } } == ["one:two", "second", "three"])
    }

    @Test(
        "a file of keys that cannot be used stops the start",
        arguments: [["jwt_secrets_file": "missing.keys"], ["jwt_default_kid": "missing"]] as [JSON])
    func refused(_ configuration: JSON) async throws {
        let host = try TestHost<AgentsPlugin>(configuration: configuration)
        await #expect(throws: KeyRingProblem.self) { try await host.start() }
        await host.stop()
    }

    @Test("with several keys a token names one of them; with one its name does not matter")
    func keyIDs() async throws {
        let several: JSON = ["jwt_secrets": .string("\(Self.old),\(Self.new)"), "jwt_default_kid": "new"]
        for (configuration, isOne) in [(["jwt_secrets": .string(Self.new)] as JSON, true), (several, false)] {
            try await withAgents(configuration: configuration) { rig in
                let (task, token) = try await rig.oneTask()
                #expect(try header(of: token)["kid"] == "new")
                let key = Secret(String(Self.new.dropFirst("new:".count)))
                let headers: [(JSON, AgentCode)] = [
                    (["alg": "HS256", "kid": "other"], .kidInvalid), (["alg": "HS256"], .kidRequired),
                ]
                for (header, code) in headers {
                    let odd = TokenForge.token(.object(TokenForge.claims(task)), header: header, key: key)
                    let answer = await rig.agent(.post, "/tasks/\(task.id)/events", token: odd, ["message": "m"])
                    if isOne { #expect(answer.status == .ok) } else { rig.expect(answer, code) }
                }
            }
        }
    }

    @Test("a key is rotated without a restart, and each step does what it should")
    func rotation() async throws {
        let directory = try TestDirectory()
        let path = directory.path + "/agent.keys"
        try Files.write(Self.old + "\n", to: path)
        try await withAgents(configuration: ["jwt_secrets_file": "agent.keys"], directory: directory) { rig in
            let (task, oldToken) = try await rig.oneTask()
            let works = { @Sendable (token: String) async -> Bool in
                await rig.agent(.post, "/tasks/\(task.id)/events", token: token, ["message": "m"]).status == .ok
            }
            let read = { @Sendable (ids: [String]) async throws -> Bool in
                try await rig.host.clock.drive(atMost: .seconds(10)) {
                    try rig.host.plugin.keys.current.entries.map(\.id) == ids
                }.isSo
            }
            try Files.write("\(Self.new)\n\(Self.old)\n", to: path)
            #expect(try await read(["new", "old"]))
            let newToken = try rig.token(of: task)
            #expect(try header(of: newToken)["kid"] == "new")
            #expect(await works(oldToken))
            #expect(await works(newToken))

            try Files.write("new:short", to: path)
            let isTold = try await rig.host.clock.drive(atMost: .seconds(10)) {
                !rig.host.logs.lines(from: .error).isEmpty
            }.isSo
            #expect(isTold)
            #expect(await works(oldToken), "a file that cannot be used changes nothing")

            try Files.write("\(Self.new)\nthird:a third secret that has 32 bytes", to: path)
            #expect(try await read(["new", "third"]))
            rig.expect(
                await rig.agent(.post, "/tasks/\(task.id)/events", token: oldToken, ["message": "m"]), .kidInvalid)
            #expect(await works(newToken))
            #expect(!rig.host.logs.lines.contains { $0.description.contains("secret that has") })
        }
    }

    @Test("without a key one is made, kept, and for its owner alone")
    func generated() async throws {
        let directory = try TestDirectory()
        var token = ""
        try await withAgents(directory: directory) { token = try await $0.oneTask().token }
        #expect(try Files.mode(of: directory.path + "/agents/jwt.keys") == 0o600)
        try await withAgents(directory: directory) { rig in
            let answer = await rig.agent(.post, "/tasks/agt_20260205_0001/complete", token: token)
            #expect(answer.status == .ok, "\(answer)")
        }
    }

    @Test("debug tokens count with the development switch alone", arguments: [true, false])
    func debugTokens(_ isDevelopment: Bool) async throws {
        let debug = "a-debug-token"
        let configuration: JSON = ["development": .bool(isDevelopment)]
        try await withAgents(configuration: configuration, environment: ["AGENT_DEBUG_TOKENS": "x,\(debug)"]) { rig in
            let (task, _) = try await rig.oneTask(withManifest: true)
            let answers = [
                await rig.agent(.post, "/tasks/\(task.id)/events", token: debug, ["message": "m"]),
                await rig.agent(.get, "/manifests/1", token: debug),
                await rig.agent(.post, "/agents/comfyui-158/heartbeat", token: debug, [:]),
                await rig.agent(.post, "/auth/verify", token: nil, ["token": .string(debug)]),
            ]
            for answer in answers {
                if isDevelopment { #expect(answer.status == .ok) } else { rig.expect(answer, .tokenInvalid) }
            }
            if isDevelopment {
                #expect(
                    answers.last?.json == [
                        "ok": true, "agentId": "debug", "taskId": .null, "expiresAt": .null, "scope": "debug",
                        "policy": ["allow": true],
                    ])
                rig.expect(await rig.agent(.get, "/manifests/99", token: debug), .manifestNotFound)
                rig.expect(
                    await rig.agent(.post, "/tasks/nothing/events", token: debug, ["message": "m"]), .taskNotFound)
                _ = await rig.admin(.put, "/agents/comfyui-158", ["allowed": false])
                rig.expect(
                    await rig.agent(.post, "/tasks/\(task.id)/events", token: debug, ["message": "m"]), .agentNotAllowed
                )
            }
            let uses = rig.host.logs.lines("a debug token was used: no check of ownership was made")
            #expect(uses.count == (isDevelopment ? 7 : 0))
            #expect(rig.host.logs.lines(from: .warning).contains { $0.message.hasPrefix("debug") })
            #expect(!rig.host.logs.lines.contains { $0.description.contains(debug) })
        }
    }

    private func header(of token: String) throws -> JSONObject {
        let part = try #require(token.split(separator: ".").first)
        let bytes = try #require(Base64.decode(part))
        return try #require(try JSON(parsing: bytes).objectValue)
    }
}
