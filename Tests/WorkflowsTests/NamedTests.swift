import PluginAPI
import PluginTestKit
import Testing

@testable import Workflows

/// `GET /api/workflows`, `POST /api/workflow/{name}` and `POST /api/workflow`.
@Suite("named workflows")
struct NamedTests {
    /// The node with the smaller number is the negative prompt; the positive one comes first in the file.
    static let textToImage = """
        {
          "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "positive", "clip": ["4", 1]}, "_meta": {"title": "Grüße"}},
          "3": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["4", 1], "text": "negative"}},
          "5": {"class_type": "KSampler", "inputs": {"seed": 18446744073709551615, "cfg": 8.0, "denoise": 1e3, "x": 0.1}},
          "8": {"class_type": "Text Multiline", "inputs": {"text": "lines"}}
        }
        """

    private func withTextToImage(_ body: (WorkflowsRig) async throws -> Void) async throws {
        try await withWorkflows(files: ["a.json": Self.textToImage], body: body)
    }

    private static func compact(_ text: String) -> String {
        (try? JSON(parsing: text))?.text() ?? "no JSON"
    }

    @Test("the list is sorted, and has only files that can be named")
    func list() async throws {
        let files = [
            "sd_txt2img.json": "{}", "flux_test.json": "", ".hidden.json": "{}", "note.txt": "", "a(1).json": "",
            ".json": "", "a..b.json": "", "Über mich.v2.json": "{}",
        ]
        try await withWorkflows(files: files) { rig in
            let answer = await rig.host.send(.get, "/api/workflows")
            #expect(answer.status == .ok)
            let names: JSON = ["flux_test", "sd_txt2img", "Über mich.v2"]
            #expect(answer.json == ["workflows": names, "templates": names, "total": 3])
        }
    }

    @Test("the simple form writes the first text node in the file's own order, and nothing else changes")
    func simple() async throws {
        try await withTextToImage { rig in
            let answer = await rig.run("a", ["prompt": "ein Bär"])
            #expect(answer.status == .ok, "\(answer.text)")
            let id = try #require(answer.json?["prompt_id"]?.stringValue)
            #expect(
                answer.json == [
                    "status": "success", "prompt_id": .string(id), "node_errors": [:], "error": nil,
                    "client_id": "my-api-1767225600",
                ])
            let expected = Self.compact(Self.textToImage.replacing("positive", with: "ein Bär"))
            #expect(rig.submitted?.text() == expected)
            let prompt = try #require(rig.backend.calls.submissions.first)
            #expect(prompt.promptID == id)
            #expect(prompt.clientID == "my-api-1767225600")
            #expect(prompt.caller == "address:127.0.0.1")
            #expect(prompt.extra.isEmpty)
        }
    }

    @Test(
        "target_node chooses a text node of either class; none of them means the first",
        arguments: [
            ("3", "negative"), (3, "negative"), (3.0, "negative"), ("8", "lines"), ("", "positive"), (nil, "positive"),
        ] as [(JSON, String)])
    func target(_ target: JSON, _ replaced: String) async throws {
        try await withTextToImage { rig in
            #expect(await rig.run("a", ["prompt": "x", "target_node": target]).status == .ok)
            #expect(rig.submitted?.text() == Self.compact(Self.textToImage.replacing(replaced, with: "x")))
        }
    }

    @Test(
        "a target that is no text node, or not there, is refused in the seed's words",
        arguments: [("5", "5"), ("41", "41"), (41, "41"), (4.5, "4.5")] as [(JSON, String)])
    func noTarget(_ target: JSON, _ id: String) async throws {
        try await withTextToImage { rig in
            let answer = await rig.run("a", ["prompt": "x", "target_node": target])
            #expect(answer.status == .badRequest)
            #expect(answer.json?["error"] == .string("Target node \(id) is not a text input node"))
            #expect(answer.json?["status_code"] == 400)
            #expect(rig.backend.calls.submissions.isEmpty)
        }
    }

    @Test("without a text node the simple form is refused in the seed's words")
    func noTextNode() async throws {
        let file = #"{"5": {"class_type": "KSampler", "inputs": {"text": "no"}}}"#
        try await withWorkflows(files: ["a.json": file]) { rig in
            let answer = await rig.run("a", ["prompt": "x"])
            #expect(answer.status == .badRequest)
            #expect(answer.json?["error"] == "No suitable text input node found in workflow")
            #expect(answer.json?["status_code"] == 400)
            #expect(await rig.run("a").status == .ok, "it runs without a text")
        }
    }

    @Test("a text that comes over a link is replaced only when there is no other")
    func linkedText() async throws {
        let linked = #""1": {"class_type": "CLIPTextEncode", "inputs": {"text": ["9", 0]}}"#
        let files = [
            "both.json": #"{\#(linked), "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "t"}}}"#,
            "one.json": "{\(linked)}",
        ]
        try await withWorkflows(files: files) { rig in
            #expect(await rig.run("both", ["prompt": "x"]).status == .ok)
            #expect(rig.submitted?["1"]?["inputs"]?["text"] == ["9", 0])
            #expect(rig.submitted?["2"]?["inputs"]?["text"] == "x")
            #expect(await rig.run("one", ["prompt": "x"]).status == .ok)
            #expect(rig.submitted?["1"]?["inputs"]?["text"] == "x")
        }
    }

    @Test("the advanced form merges into the inputs of several nodes and tells unknown ones")
    func advanced() async throws {
        try await withTextToImage { rig in
            let body = """
                {"5": {"inputs": {"seed": 9007199254740993, "cfg": 7.50, "new": [1]}}, "77": {"inputs": {}},
                 "3": {"text": "bare"}, "6": {"inputs": {}, "class_type": "Other"}}
                """
            let answer = await rig.host.send(
                .post, "/api/workflow/a", headers: ["Content-Type": "application/json; charset=utf-8"],
                body: HTTPBody(Array(body.utf8)))
            #expect(answer.status == .ok, "\(answer.text)")
            #expect(answer.json?["ignored_nodes"] == ["77"])
            let expected = Self.textToImage.replacing("18446744073709551615", with: "9007199254740993")
                .replacing("8.0", with: "7.50").replacing(#""x": 0.1"#, with: #""x": 0.1, "new": [1]"#)
                .replacing("negative", with: "bare")
            #expect(rig.submitted?.text() == Self.compact(expected))
            #expect(await rig.run("a").status == .ok)
            #expect(rig.submitted?.text() == Self.compact(Self.textToImage), "{} runs the file as it is")
        }
    }

    @Test(
        "a body of the wrong form is 400 with error and status_code",
        arguments: [
            "[]", "\"text\"", "null", "5", "", "{", #"{"prompt": 5}"#, #"{"prompt": null}"#, #"{"prompt": {"1": {}}}"#,
            #"{"prompt": "x", "target_node": {}}"#, #"{"prompt": "x", "target_node": true}"#, #"{"6": 5}"#,
            #"{"6": null}"#, #"{"6": {"inputs": []}}"#, #"{"6": {"inputs": null}}"#, "{\"a\": \u{1}}",
        ])
    func badBody(_ body: String) async throws {
        try await withTextToImage { rig in
            let answer = await rig.host.send(
                .post, "/api/workflow/a", headers: ["Content-Type": "application/json"],
                body: HTTPBody(Array(body.utf8)))
            #expect(answer.status == .badRequest)
            #expect(answer.json?["error"]?.stringValue?.isEmpty == false)
            #expect(answer.json?["status_code"] == 400)
            #expect(rig.backend.calls.submissions.isEmpty)
        }
    }

    @Test("the checks come in this order: content type, file, body")
    func order() async throws {
        try await withTextToImage { rig in
            func status(_ name: String, _ type: String?, _ body: String) async -> Int {
                await rig.host.send(
                    .post, "/api/workflow/\(name)", headers: type.map { ["Content-Type": $0] } ?? [:],
                    body: HTTPBody(Array(body.utf8))
                ).status.code
            }
            for type in ["text/plain", nil, "multipart/form-data; boundary=x", "application/jsonx"] {
                #expect(await status("missing", type, "[") == 400)
            }
            #expect(await status("missing", "application/json", "[") == 404)
            #expect(await status("a", "application/json", "[") == 400)
            for type in ["APPLICATION/JSON", "application/json;charset=utf-8", "application/vnd.x+json"] {
                #expect(await status("a", type, "{}") == 200)
            }
        }
    }

    @Test("a wrapper around the graph is taken off, its extra_data goes along")
    func wrapper() async throws {
        let files = [
            "a.json":
                #"{"prompt": \#(Self.textToImage), "extra_data": {"extra_pnginfo": {"a": 1.0}}, "client_id": "x", "front": true}"#,
            "b.json": #"{"prompt": {"class_type": "CLIPTextEncode", "inputs": {"text": "node"}}}"#,
        ]
        try await withWorkflows(files: files) { rig in
            #expect(await rig.run("a").status == .ok)
            #expect(rig.submitted?.text() == Self.compact(Self.textToImage))
            let prompt = try #require(rig.backend.calls.submissions.last)
            #expect(prompt.extra == ["extra_data": ["extra_pnginfo": ["a": 1.0]]])
            #expect(prompt.clientID == "my-api-1767225600")
            #expect(await rig.run("b", ["prompt": "new"]).status == .ok)
            #expect(rig.submitted == ["prompt": ["class_type": "CLIPTextEncode", "inputs": ["text": "new"]]])
        }
    }

    @Test("files that cannot run are listed, and say why when run")
    func broken() async throws {
        let files = [
            "comma.json": "{\n  \"1\": {},\n  }", "list.json": "[]", "empty.json": "{}",
            "node.json": #"{"1": {"inputs": {}}}"#, "page.json": #"{"nodes": [], "links": [], "version": 0.4}"#,
        ]
        try await withWorkflows(files: files) { rig in
            #expect(await rig.host.send(.get, "/api/workflows").json?["total"] == 5)
            let comma = await rig.run("comma")
            #expect(comma.status == .internalServerError)
            #expect(comma.json?["error"]?.stringValue?.contains("line 3, column 3") == true, "\(comma.text)")
            #expect(comma.json?["line"] == 3)
            #expect(comma.json?["column"] == 3)
            #expect(comma.json?["status_code"] == 500)
            for name in ["list", "empty", "node"] {
                let answer = await rig.run(name)
                #expect(answer.status == .internalServerError, "\(name)")
                #expect(answer.json?["error"]?.stringValue?.contains("API format") == true, "\(answer.text)")
            }
            let page = await rig.run("page")
            #expect(page.status == .badRequest)
            #expect(page.json?["error"]?.stringValue?.contains("Export (API)") == true, "\(page.text)")
            #expect(rig.backend.calls.submissions.isEmpty)
        }
    }

    @Test("POST /api/workflow runs a graph of the body, bare or wrapped")
    func raw() async throws {
        try await withWorkflows { rig in
            let graph = try JSON(parsing: Self.textToImage)
            let bare = await rig.host.send(.post, "/api/workflow", json: graph)
            #expect(bare.status == .ok, "\(bare.text)")
            #expect(bare.json?["client_id"] == "my-api-1767225600")
            #expect(rig.submitted?.text() == graph.text())
            let wrapped = await rig.host.send(
                .post, "/api/workflow/",
                json: [
                    "prompt": graph, "client_id": "mine", "extra_data": ["a": 1], "front": true, "prompt_id": "chosen",
                ])
            #expect(wrapped.json?["client_id"] == "mine")
            let prompt = try #require(rig.backend.calls.submissions.last)
            #expect(prompt.prompt.text() == graph.text())
            #expect(prompt.extra == ["extra_data": ["a": 1], "front": true])
            #expect(prompt.clientID == "mine")
            #expect(prompt.caller == "client:mine")
            for body in [[:], [], 5, ["1": [:]], ["nodes": [], "links": []], ["prompt": graph, "client_id": 5]]
                as [JSON]
            {
                let answer = await rig.host.send(.post, "/api/workflow", json: body)
                #expect(answer.status == .badRequest, "\(body)")
                #expect(answer.json?["error"]?.stringValue != nil)
            }
        }
    }

    @Test("a refused graph is 400 with node_errors; no server 503; a server that is not there 502; nonsense 502")
    func failures() async throws {
        try await withTextToImage { rig in
            let refusal = PromptRefusal(
                error: ["type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation"],
                nodeErrors: ["5": ["errors": []]])
            var other = refusal
            other.status = 413
            let cases: [(any Error, Int, JSON?)] = [
                (refusal, 400, ["5": ["errors": []]]), (other, 400, ["5": ["errors": []]]),
                (HTTPError.invalid([(["body", "client_id"], "longer than 1000 bytes")]), 400, nil),
                (HTTPError(.serviceUnavailable, "gateway.no_worker", "No worker."), 503, nil),
                (HTTPClientError(.connect, mayHaveBeenProcessed: false, "secret address"), 502, nil),
                (HTTPError(.badGateway, "comfyui.bad_answer", "Bad."), 502, nil),
                (TestFailure(), 500, nil),
            ]
            for (error, status, nodeErrors) in cases {
                rig.backend.script { $0.submit = { _ in throw error } }
                let answer = await rig.run("a")
                #expect(answer.status.code == status)
                #expect(answer.json?["status_code"] == .number(JSONNumber(status)))
                #expect(answer.json?["error"]?.stringValue?.isEmpty == false)
                #expect(answer.json?["node_errors"] == nodeErrors)
                #expect(!answer.text.contains("secret"))
            }
        }
    }

    @Test("outputs that a server dropped are in node_errors of a success")
    func partial() async throws {
        try await withTextToImage { rig in
            rig.backend.script { script in
                script.submit = { SubmittedPrompt(promptID: $0.promptID ?? "", number: 1, nodeErrors: ["9": [:]]) }
            }
            let answer = await rig.run("a")
            #expect(answer.status == .ok)
            #expect(answer.json?["node_errors"] == ["9": [:]])
        }
    }
}

/// An error that says nothing about itself.
struct TestFailure: Error {}
