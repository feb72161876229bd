import Glibc
import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// What happens to files of keys while the plugin runs.
@Suite struct KeyFileTests {
    private static let one = "one:a first secret that has 32 bytes"
    private static let two = "two:a second secret that has 32 bytes"

    @Test("a made key that is removed stays in use, and no other takes its place")
    func generatedIsRemoved() async throws {
        let directory = try TestDirectory()
        let path = directory.path + "/agents/jwt.keys"
        try await withAgents(directory: directory) { rig in
            let (_, token) = try await rig.oneTask()
            unlink(path)
            let told = try await rig.host.clock.drive(atMost: .seconds(10)) {
                !rig.host.logs.lines(from: .error).isEmpty
            }
            #expect(told.isSo)
            #expect(access(path, F_OK) != 0)
            let answer = await rig.agent(.post, "/auth/verify", token: nil, ["token": .string(token)])
            #expect(answer.status == .ok, "\(answer)")
        }
    }

    @Test("reading keys again writes nothing")
    func readingWritesNothing() async throws {
        let directory = try TestDirectory()
        try await withAgents(directory: directory) { rig in
            let folder = directory.path + "/agents"
            let before = try Self.changed(folder)
            for _ in 0..<3 { await rig.host.plugin.keys.reload() }
            #expect(try Self.changed(folder) == before)
        }
    }

    @Test("a file that is being written is not believed before it is the same twice")
    func halfWritten() async throws {
        let directory = try TestDirectory()
        let path = directory.path + "/agent.keys"
        try Files.write("\(Self.one)\n\(Self.two)\n", to: path)
        let configuration: JSON = ["jwt_secrets_file": "agent.keys", "jwt_default_kid": "one"]
        try await withAgents(configuration: configuration, directory: directory) { rig in
            let keys = rig.host.plugin.keys
            let ids = { try keys.current.entries.map(\.id) }
            try Files.write(Self.one, to: path)
            await keys.reload()
            #expect(try ids() == ["one", "two"])
            try Files.write("\(Self.one)\n\(Self.two)\nthree:a third secret that has 32 bytes\n", to: path)
            await keys.reload()
            #expect(try ids() == ["one", "two"])
            await keys.reload()
            #expect(try ids() == ["one", "two", "three"])
        }
    }

    @Test("what cannot be used is told once, leaves the keys as they are, and is told again when it comes again")
    func unusable() async throws {
        let directory = try TestDirectory()
        let path = directory.path + "/agent.keys"
        try Files.write(Self.one, to: path)
        try await withAgents(configuration: ["jwt_secrets_file": "agent.keys"], directory: directory) { rig in
            let keys = rig.host.plugin.keys
            let errors = { rig.host.logs.lines(from: .error).count }
            for (content, count) in [("", 1), (Self.one, 1), ("", 2), ("short:x", 3), ("\u{0}\u{1}", 4)] {
                try Files.write(content, to: path)
                for _ in 0..<3 { await keys.reload() }
                #expect(try keys.current.entries.map(\.id) == ["one"])
                #expect(errors() == count, "\(content)")
            }
            try Files.write(String(repeating: "#", count: KeyFile.largest + 1), to: path)
            await keys.reload()
            unlink(path)
            await keys.reload()
            #expect(try keys.current.entries.map(\.id) == ["one"])
            #expect(errors() == 6)
            #expect(!rig.host.logs.lines.contains { $0.description.contains("secret that has") })
        }
    }

    @Test("a file that other users can read is warned about", arguments: [0o600, 0o640, 0o604])
    func permissions(_ mode: UInt32) async throws {
        let directory = try TestDirectory()
        let path = directory.path + "/agent.keys"
        try Files.write(Self.one, to: path)
        #expect(chmod(path, mode) == 0)
        try await withAgents(configuration: ["jwt_secrets_file": "agent.keys"], directory: directory) { rig in
            for _ in 0..<3 { await rig.host.plugin.keys.reload() }
            let warnings = rig.host.logs.lines("the file of keys can be read by other users")
            #expect(warnings.count == (mode == 0o600 ? 0 : 1))
        }
    }

    @Test(
        "keys that are no keys are a problem of the configuration, which has no secret in it",
        arguments: [
            ["jwt_secrets": "main:too short a secret"], ["jwt_secrets": ","],
            ["jwt_secrets": .string(one), "jwt_default_kid": "two"], ["jwt_secrets": .string("\(one),\(one)")],
        ] as [JSON])
    func configuration(_ configuration: JSON) {
        #expect {
            _ = try TestHost<AgentsPlugin>(configuration: configuration)
        } throws: { error in
            "\(error)".contains("jwt_secrets") && !"\(error)".contains("secret that has")
                && !"\(error)".contains("too short a secret")
        }
    }

    private static func changed(_ path: String) throws -> [Int] {
        var facts = stat()
        try #require(stat(path, &facts) == 0)
        return [facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec]
    }
}
