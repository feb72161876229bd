import PluginAPI
import PluginTestKit
import Testing

@testable import Workflows

/// The graph and the request in the log.
@Suite("the log of what runs")
struct WorkflowLogTests {
    private static let prompt = {
        var prompt = PromptSubmission(
            prompt: ["1": ["class_type": "X", "inputs": ["text": "a\nb", "Api_Key": "sk-1", "max_tokens": 5]]],
            clientID: "my-api-1", promptID: "p")
        prompt.extra = [
            "extra_data": [
                "api_key_comfy_org": "sk-2", "auth_token_comfy_org": "sk-3", "keep": 1,
                "extra_pnginfo": ["workflow": ["nodes": [["widgets_values": ["a", "sk-1"]]]]],
            ]
        ]
        return prompt
    }()

    @Test("between the marker lines, formatted, and without keys")
    func lines() {
        let logs = CapturedLogs()
        WorkflowLog.write(Self.prompt, to: Logger(sink: logs, facts: [("request.id", "r")]))
        let text = logs.lines.map(\.message).joined(separator: "\n")
        let graph = """
              "1": {
                "class_type": "X",
                "inputs": {
                  "text": "a\\nb",
                  "Api_Key": "***",
                  "max_tokens": 5
                }
              }
            """
        let head = "=== Final Workflow JSON ===\n{\n\(graph)\n}\n=== Request to ComfyUI ===\n{\n  \"prompt\": {\n"
        #expect(text.hasPrefix(head), "\(text)")
        #expect(text.contains(#""keep": 1"#) && text.contains(#""client_id": "my-api-1""#))
        #expect(!text.contains("sk-"))
        #expect(logs.lines.allSatisfy { $0.level == .debug && $0["request.id"] == "r" })
    }

    @Test("nothing is written above debug, and little of a graph without end")
    func limits() {
        let quiet = CapturedLogs(level: .info)
        WorkflowLog.write(Self.prompt, to: Logger(sink: quiet))
        #expect(quiet.lines.isEmpty)
        let logs = CapturedLogs()
        let list = JSON.array((0..<5000).map { .number(JSONNumber($0)) })
        let prompt = PromptSubmission(prompt: ["1": ["class_type": "X", "inputs": ["list": list]]])
        WorkflowLog.write(prompt, to: Logger(sink: logs))
        #expect(logs.lines.count == 2 * (WorkflowLog.longest + 2))
        #expect(logs.lines.last?.message.hasSuffix("more lines") == true)
    }

    @Test("a run is logged by the request's logger")
    func run() async throws {
        try await withWorkflows(files: ["a.json": #"{"1": {"class_type": "X", "inputs": {}}}"#]) { rig in
            #expect(await rig.run("a").status == .ok)
            let line = try #require(rig.host.logs.lines("=== Request to ComfyUI ===").first)
            #expect(line["request.id"] != nil)
        }
    }
}
