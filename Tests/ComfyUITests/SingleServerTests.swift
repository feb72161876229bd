import ComfyUI
import PluginAPI
import PluginTestKit
import Testing

/// A prompt's way through the backend of a single server.
@Suite struct SingleServerTests {
    @Test func eventsComeInOrderAndTheResultIsThere() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let client = Collected(try await rig.backend.follow(client: "tab"))
            let id = try await rig.submit(client: "tab")
            let one = Collected(id, try await rig.backend.follow(id))
            rig.server.start()
            rig.server.emit("executing", ["node": "3", "display_node": "3", "prompt_id": .string(id)])
            rig.server.emit("progress", ["node": "3", "value": 1, "max": 2, "prompt_id": .string(id)])
            try await rig.drive("it runs") { one.words(of: id).last == "progress" }
            let job = try #require(await rig.backend.job(id))
            #expect(job.state == .running)
            #expect(job.progress == 25)
            #expect(job.currentNode == "3")
            #expect(job.server?.id == "default")
            rig.server.finish()
            try await rig.drive("it ends") { one.isOver }
            let words = ["submitted", "running", "execution_start", "executing", "progress", "executing", "done"]
            #expect(one.words(of: id) == words)
            #expect(client.words(of: id) == words)
            let entry = try #require(await rig.backend.history(id))
            #expect(entry["outputs"]?["9"]?["images"]?[0]?["filename"] == "a b.png")
            #expect(entry["prompt"]?[3] == ["client_id": "tab"])
        }
    }

    @Test func anAcceptedPromptHasAnEmptyObjectOfNodeErrors() async throws {
        try await SingleRig.run { rig in
            try await rig.connected()
            let answer = try await rig.during { try await rig.backend.submit(SingleRig.submission()) }
            #expect(answer.nodeErrors == [:])
            #expect(try await rig.backend.job(answer.promptID)?.nodeErrors == nil)
        }
    }
}
