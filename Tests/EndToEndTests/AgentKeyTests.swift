import Glibc
import PluginAPI
import Testing

/// The keys of tokens as an administrator changes them.
@Suite("keys are rotated while agents talk")
struct AgentKeyTests {
    @Test("a token of the old key counts until the key is taken away, and no token is lost in between")
    func rotation() async throws {
        let directory = try TemporaryDirectory()
        let old = "old:the old secret of this test: 32 bytes"
        let new = "new:the new secret of this test: 32 bytes"
        let settings = { (signing: String) in "jwt_secrets_file: agent.keys\njwt_default_kid: \(signing)" }
        try directory.write("agent.keys", "# of the test\n\(old)\n")
        try await withAgentDesk(agents: settings("old"), in: directory) { desk in
            try await desk.add("/agents", ["id": "a"])
            let first = try await desk.token(of: "a")
            let beat = { try await desk.agent("POST", "/agents/a/heartbeat", as: $0, "{}") }
            // 1. The new key is there.
            try directory.write("agent.keys", "\(old)\n\(new)\n")
            try await desk.daemon.logged("keys for tokens changed", "new")
            #expect(Self.key(of: try await desk.token(of: "a")) == "old")
            // 2. It signs.
            let configuration = try Files.text(directory.file("comfyd.yaml"))
            try directory.write(
                "comfyd.yaml", configuration.replacing("jwt_default_kid: old", with: "jwt_default_kid: new"))
            desk.daemon.send(signal: SIGHUP)
            let second = try await eventually("the new key signs") { () -> String? in
                let answer = try await desk.admin("POST", "/agents/a/token")
                let token = answer.json["token"]?.stringValue
                return token.flatMap { Self.key(of: $0) == "new" ? $0 : nil }
            }
            for token in [first, second] { #expect(try await beat(token).status == 200) }
            // 3. The old key is gone.
            try directory.write("agent.keys", "\(new)\n")
            try await eventually("its tokens are refused") { try await beat(first).status == 401 }
            #expect(try await beat(second).status == 200)
            // One that cannot be used changes nothing.
            try directory.write("agent.keys", "new:short\n")
            try await desk.daemon.logged("cannot be read again", "less than 32 bytes")
            #expect(try await beat(second).status == 200)
            let log = desk.daemon.log.lines.joined()
            #expect(!log.contains("secret of this test") && !log.contains(first))
        }
    }

    private static func key(of token: String) -> String? {
        let header = token.split(separator: ".").first.flatMap { Base64.decode($0) }
        return header.flatMap { try? JSON(parsing: $0) }?["kid"]?.stringValue
    }
}
