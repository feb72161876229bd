import PluginAPI
import PluginTestKit
import Testing

@testable import Workflows

/// `GET /api/workflows` and `POST /api/workflow/{name}`.
@Suite("named workflows")
struct NamedTests {
    /// The negative prompt has the smaller number, the positive one comes first in the file.
    static let textToImage = """
        {
          "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "positive", "clip": ["4", 1]}, "_meta": {"title": "Grüße"}},
          "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "negative", "clip": ["4", 1]}},
          "5": {"class_type": "KSampler", "inputs": {"seed": 18446744073709551615, "cfg": 8.0, "denoise": 1e3, "x": 0.1}}
        }
        """

    @Test("the list is sorted, and has only files that can be named")
    func list() async throws {
        let files = [
            "sd_txt2img.json": "{}", "flux_test.json": "", ".hidden.json": "{}", "note.txt": "", "a(1).json": "",
        ]
        try await withWorkflows(files: files) { rig in
            let answer = await rig.host.send(.get, "/api/workflows")
            #expect(answer.status == .ok)
            let names: JSON = ["flux_test", "sd_txt2img"]
            #expect(answer.json == ["workflows": names, "templates": names, "total": 2])
        }
    }

    @Test("the simple form writes the first text node in the file's own order, and nothing else")
    func simple() async throws {
        try await withWorkflows(files: ["a.json": Self.textToImage]) { rig in
            let answer = await rig.run("a", ["prompt": "ein Bär"])
            #expect(answer.status == .ok, "\(answer.text)")
            let id = try #require(answer.json?["prompt_id"]?.stringValue)
            #expect(
                answer.json == [
                    "status": "success", "prompt_id": .string(id), "node_errors": [:], "error": nil,
                    "client_id": "my-api-1767225600",
                ])
            let expected = Self.textToImage.replacing("positive", with: "ein Bär")
            #expect(rig.submitted?.text() == (try JSON(parsing: expected)).text())
            let prompt = try #require(rig.backend.calls.submissions.first)
            #expect(prompt.promptID == id)
            #expect(prompt.clientID == "my-api-1767225600")
            #expect(prompt.caller == "address:127.0.0.1")
            #expect(prompt.extra.isEmpty)
        }
    }
}
