import ComfyUI
import PluginAPI
import PluginTestKit
import Testing

@Suite("A restart of the daemon over a single server")
struct SingleRestartTests {
    @Test("the next backend knows whose the prompts are, and gets their results")
    func restart() async throws {
        let server = FakeComfy("http://comfy:8188")
        let clock = ManualClock()
        let directory = try TestDirectory()
        try await SingleRig.run(server, clock: clock, directory: directory) { rig in
            try await rig.connected()
            for (id, client) in [("p-1", "tab"), ("p-2", "tab"), ("p-3", "other")] {
                _ = try await rig.submit(client: client, id: id, caller: "key:" + client)
            }
            server.with { $0.pending.append(SingleRig.foreign("f", 9)) }
        }
        server.with { $0.sockets = [] }
        // The first one ends while nobody listens.
        server.start()
        server.finish()
        server.start()
        try await SingleRig.run(server, clock: clock, directory: directory) { rig in
            try await rig.connected()
            let jobs = try await rig.backend.prompts(ofClient: "tab", limit: 9)
            #expect(jobs.map { "\($0.promptID) \($0.state)" } == ["p-2 running", "p-1 done"])
            let client = Collected(try await rig.backend.follow(client: "tab"))
            let ended = try #require(await rig.backend.job("p-1"))
            #expect(ended.state == .done)
            #expect(ended.caller == "key:tab")
            #expect(ended.clientID == "tab")
            #expect(ended.createdAt != nil)
            #expect(try await rig.backend.history("p-1")?["prompt"]?[3] == ["client_id": "tab"])
            let waiting = try #require(await rig.backend.job("p-3"))
            #expect(waiting.state == .submitted)
            #expect(waiting.caller == "key:other")
            #expect(waiting.position == 1)
            #expect(try await rig.backend.job("f")?.caller == nil)
            // The same submission again has the same answer.
            #expect(try await rig.submit(client: "other", id: "p-3", caller: "key:other") == "p-3")
            #expect(server.submitted == ["p-1", "p-2", "p-3"])
            server.finish()
            try await rig.drive("the second ends") { client.words(of: "p-2").last == "done" }
            #expect(client.words(of: "p-2").first == "running")
            let identities = rig.host.client.requests.filter { $0.url.contains("/ws?clientId=") }.map(\.url)
            let first = server.with { $0.bodies.first?["client_id"]?.stringValue ?? "?" }
            #expect(identities.allSatisfy { $0.hasSuffix(first) })
        }
    }

    @Test("a server that is away at the start is taken up when it is there")
    func later() async throws {
        let server = FakeComfy("http://comfy:8188")
        let directory = try TestDirectory()
        let clock = ManualClock()
        try await SingleRig.run(server, clock: clock, directory: directory) { rig in
            try await rig.connected()
            _ = try await rig.submit(client: "tab", id: "p")
        }
        server.with { ($0.sockets, $0.isDown) = ([], true) }
        try await SingleRig.run(server, clock: clock, directory: directory) { rig in
            #expect(try await rig.backend.prompts(ofClient: "tab", limit: 9).isEmpty)
            await #expect(throws: HTTPClientError.self) { try await rig.backend.job("p") }
            server.with { $0.isDown = false }
            try await rig.drive("it is taken up") {
                try await rig.backend.prompts(ofClient: "tab", limit: 9).map(\.promptID) == ["p"]
            }
        }
    }
}
