import PluginAPI
import PluginTestKit
import Testing

@testable import Workflows

@Suite("the routes of /api/v1")
struct V1RouteTests {
    private static let submit = "/api/v1/workflows/submit"

    private static let wrongForms: [(JSON, String)] = [
        (JSON.object([:]), "The workflow must not be empty."), ([], "The workflow must not be empty."),
        (nil, "The workflow must not be empty."), ([1], "The workflow must be an object of nodes."),
        ("x", "The workflow must be an object of nodes."), (["1": "x"], "Node 1 must be an object."),
        (["1": ["inputs": [:]], "2": ["class_type": "A"]], "Node 1 has no class_type."),
        (["2": ["class_type": "A"], "1": ["inputs": [:]]], "Node 2 has no inputs."),
    ]

    @Test("a workflow of the wrong form is refused with the first problem", arguments: wrongForms)
    func validation(_ workflow: JSON, _ message: String) async throws {
        try await withWorkflows { rig in
            let answer = await rig.host.send(.post, Self.submit, json: ["workflow": workflow])
            #expect(answer.status == .badRequest)
            #expect(answer.json?["detail"]?["code"] == "WORKFLOW_VALIDATION_ERROR")
            #expect(answer.json?["detail"]?["message"] == .string(message))
            #expect(rig.backend.calls.submissions.isEmpty)
        }
    }

    @Test("a workflow that the web page saved is refused with a hint")
    func saved() async throws {
        try await withWorkflows { rig in
            let answer = await rig.host.send(.post, Self.submit, json: ["workflow": ["nodes": [[:]], "links": []]])
            #expect(answer.status == .badRequest)
            #expect(answer.json?["detail"]?["message"]?.stringValue?.contains("API format") == true)
        }
    }

    @Test(
        "a malformed body is a list of problems",
        arguments: ["", "{", "[]", "null", "{}", #"{"workflow":{"1":{}},"client_id":7}"#, #"{"workflow":{"a":NaN}}"#])
    func malformed(_ body: String) async throws {
        try await withWorkflows { rig in
            let answer = await rig.host.send(.post, Self.submit, body: HTTPBody(Array(body.utf8)))
            #expect(answer.status == .unprocessableContent)
            let problem = try #require(answer.json?["detail"]?[0])
            #expect(problem["loc"]?[0] == "body")
            #expect(problem["msg"]?.stringValue?.isEmpty == false)
        }
    }

    @Test("a form is no JSON, a large body too large, a long client id too long")
    func limits() async throws {
        try await withWorkflows { rig in
            let form = await rig.host.send(
                .post, Self.submit, headers: ["Content-Type": "multipart/form-data; boundary=x"],
                body: HTTPBody([1]))
            #expect(form.status == .unsupportedMediaType)
            #expect(form.json?["detail"]?["code"] == "UNSUPPORTED_MEDIA_TYPE")
            let large = await rig.host.send(
                .post, "/api/v1/queue/clear", body: HTTPBody([UInt8](repeating: 0x20, count: (1 << 20) + 1)))
            #expect(large.status == .contentTooLarge)
            let long = await rig.host.send(
                .post, Self.submit,
                json: ["workflow": WorkflowsRig.workflow, "client_id": .string(String(repeating: "é", count: 501))])
            #expect(long.status == .unprocessableContent)
            #expect(long.json?["detail"]?[0]?["loc"] == ["body", "client_id"])
        }
    }

    @Test("the graph leaves as it came, and the answer has the server's number and dropped outputs")
    func accepted() async throws {
        try await withWorkflows { rig in
            rig.backend.script { script in
                script.submit = { submission in
                    SubmittedPrompt(
                        promptID: submission.promptID ?? "", number: .number(-1.5), nodeErrors: ["9": ["errors": []]])
                }
            }
            let graph =
                #"{"9":{"inputs":{"z":18446744073709551615,"a":8.0,"e":1e3,"ü":0.1},"class_type":"X","_meta":{}}}"#
            let answer = await rig.host.send(
                .post, Self.submit, headers: ["Content-Type": "text/plain"],
                body: HTTPBody(Array(#"{"workflow":\#(graph)}"#.utf8)))
            #expect(answer.status == .ok)
            #expect(answer.json?["number"] == -1.5)
            #expect(answer.json?["client_id"] == .some(.null))
            #expect(answer.json?["node_errors"] == ["9": ["errors": []]])
            let submission = try #require(rig.backend.calls.submissions.first)
            #expect(submission.prompt.text() == graph)
            #expect(answer.json?["prompt_id"]?.stringValue == submission.promptID)
            #expect(submission.clientID == nil)
            #expect(submission.caller == "address:127.0.0.1")
        }
    }

    @Test("a server's refusal is the caller's error, a server's failure is a connection error")
    func refusals() async throws {
        try await withWorkflows { rig in
            let words: JSON = ["type": "prompt_no_outputs", "message": "Prompt has no outputs"]
            rig.backend.script { $0.submit = { _ in throw PromptRefusal(error: words, nodeErrors: ["9": [:]]) } }
            let refused = await rig.host.send(.post, Self.submit, json: ["workflow": WorkflowsRig.workflow])
            #expect(refused.status == .badRequest)
            #expect(refused.json?["detail"]?["code"] == "WORKFLOW_VALIDATION_ERROR")
            #expect(refused.json?["detail"]?["message"] == "Prompt has no outputs")
            #expect(refused.json?["detail"]?["detail"] == ["error": words, "node_errors": ["9": [:]]])
            let failures: [any Error] = [
                HTTPClientError(.timeout, mayHaveBeenProcessed: true, "http://user@secret:8188"),
                HTTPError(.badGateway, "comfyui.bad_answer", ""), PromptRefusal(status: 500, error: [:]),
                HTTPError(.serviceUnavailable, "gateway.no_worker", ""),
            ]
            for failure in failures {
                rig.backend.script { $0.submit = { _ in throw failure } }
                let answer = await rig.host.send(.post, Self.submit, json: ["workflow": WorkflowsRig.workflow])
                #expect(answer.status == .serviceUnavailable)
                #expect(answer.json?["detail"]?["code"] == "CONNECTION_ERROR")
                #expect(!answer.text.contains("secret"))
            }
        }
    }

    @Test(
        "history and images of a workflow in each state",
        arguments: [
            (JobState.queued, 404, "WORKFLOW_NOT_FOUND"), (.dispatching, 404, "WORKFLOW_NOT_FOUND"),
            (.submitted, 404, "WORKFLOW_NOT_FOUND"), (.running, 404, "WORKFLOW_NOT_FOUND"), (.done, 200, "completed"),
            (.failed, 200, "failed"), (.lost, 200, "failed"), (.cancelled, 200, "interrupted"),
        ])
    func states(_ state: JobState, _ status: Int, _ word: String) async throws {
        try await withWorkflows { rig in
            try await rig.move("p", of: "me", to: state) { $0.message = state == .done ? nil : "why" }
            let history = await rig.host.send(.get, "/api/v1/workflows/p/history")
            #expect(history.status.code == status)
            let images = await rig.host.send(.get, "/api/v1/workflows/p/images")
            #expect(images.status == .notFound)
            guard status == 200 else {
                #expect(history.json?["detail"]?["code"]?.stringValue == word)
                #expect(images.json?["detail"]?["code"]?.stringValue == word)
                return
            }
            var expected: JSON = ["prompt_id": "p", "outputs": [:], "status": .string(word)]
            if state != .done { expected["error"] = "why" }
            #expect(history.json == expected)
            #expect(images.json?["detail"]?["code"] == "IMAGE_NOT_FOUND")
        }
    }

    @Test("an unknown workflow is 404, one whose server cannot be reached 503")
    func unknown() async throws {
        try await withWorkflows { rig in
            var server = FakeBackend.server
            server.healthy = false
            for state in [JobState.submitted, .running] {
                try await rig.move("p", of: "me", to: state) { $0.server = server }
                for part in ["history", "images"] {
                    let answer = await rig.host.send(.get, "/api/v1/workflows/p/\(part)")
                    #expect(answer.status == .serviceUnavailable)
                    #expect(answer.json?["detail"]?["code"] == "CONNECTION_ERROR")
                }
            }
            let none = await rig.host.send(.get, "/api/v1/workflows/nobody/history")
            #expect(none.status == .notFound)
            #expect(none.json?["detail"]?["code"] == "WORKFLOW_NOT_FOUND")
        }
    }

    @Test("history has ComfyUI's outputs; images are all of them in order, with links; other files are none")
    func results() async throws {
        try await withWorkflows { rig in
            try await rig.move("p 1", of: "me", to: .done) { $0.server = FakeBackend.server }
            let outputs: JSON = [
                "12": ["images": [["filename": "b ü.png", "subfolder": "x", "type": "temp"]]],
                "9": [
                    "gifs": [["filename": "v.mp4", "subfolder": "", "type": "output"]],
                    "images": [["filename": "a.png", "subfolder": "", "type": "output"]],
                ],
            ]
            rig.store("p 1", outputs: outputs)
            let history = await rig.host.send(.get, "/api/v1/workflows/p%201/history")
            #expect(history.json?["outputs"]?.text() == outputs.text())
            let answer = await rig.host.send(.get, "/api/v1/workflows/p%201/images")
            #expect(answer.json?["count"] == 2)
            let images = try #require(answer.json?["images"]?.arrayValue)
            #expect(images.map { $0["filename"] } == ["b ü.png", "a.png"])
            #expect(images.map { $0["node_id"] } == ["12", "9"])
            #expect(images.first?["type"] == "temp")
            #expect(
                images.first?["url"]
                    == "http://test.local/api/view?prompt_id=p%201&filename=b%20%C3%BC.png&subfolder=x&type=temp")
            #expect(images.first?["comfyui_url"]?.stringValue?.hasPrefix("http://gpu-1:8188/view?") == true)
        }
    }

    @Test("an interrupted execution is interrupted, a failed one has ComfyUI's words")
    func endings() async throws {
        try await withWorkflows { rig in
            let stopped: JSON = ["status_str": "error", "messages": [["execution_interrupted", [:]]]]
            let failed: JSON = [
                "status_str": "error", "messages": [["execution_error", ["exception_message": " boom \n"]]],
            ]
            for (id, status) in [("stopped", stopped), ("failed", failed)] {
                try await rig.move(id, of: "me", to: .failed)
                rig.store(id, outputs: [:], status: status)
            }
            let first = await rig.host.send(.get, "/api/v1/workflows/stopped/history")
            #expect(first.json?["status"] == "interrupted")
            let second = await rig.host.send(.get, "/api/v1/workflows/failed/history")
            #expect(second.json?["status"] == "failed")
            #expect(second.json?["error"] == "boom")
        }
    }

    @Test("what a node outputs that is no number of JSON is null, over HTTP and on the WebSocket")
    func nonFinite() async throws {
        let python = JSONParseOptions(allowsNonFiniteNumbers: true)
        let outputs = try JSON(parsing: #"{"9":{"loss":[NaN,1e3,-Infinity]}}"#, options: python)
        let expected: JSON = try JSON(parsing: #"{"9":{"loss":[null,1e3,null]}}"#)
        try await withWorkflows { rig in
            let client = try await rig.connect("me")
            let id = try await rig.submit(client)
            rig.store(id, outputs: outputs)
            rig.say("executed", ["node": "9", "output": outputs["9"] ?? .null], of: id, client: "me")
            try await rig.move(id, of: "me", to: .done)
            #expect(try await client.next("executed")["output"] == expected["9"])
            #expect(try await client.upTo("result").data["outputs"] == expected)
            let history = await rig.host.send(.get, "/api/v1/workflows/\(id)/history")
            #expect(history.json?["outputs"] == expected)
        }
    }

    @Test("an unknown path and a wrong method are told in the surface's form; the API's description stays")
    func unknownPaths() async throws {
        try await withWorkflows { rig in
            let unknown = await rig.host.send(.get, "/api/v1/nothing")
            #expect(unknown.status == .notFound)
            #expect(unknown.json?["detail"]?["code"] == "NOT_FOUND")
            let wrong = await rig.host.send(.get, Self.submit)
            #expect(wrong.status == .methodNotAllowed)
            #expect(wrong.json?["detail"]?["message"]?.stringValue?.isEmpty == false)
        }
    }

    @Test("a key reads, interrupts and clears its own workflows only")
    func privacy() async throws {
        let key = Principal(kind: .apiKey, id: "k1", name: "K", scopes: [JobScope.jobs])
        try await withWorkflows(openSurfaces: false) { rig in
            try await rig.move("theirs", of: "x", to: .done, caller: "key:k2")
            try await rig.move("mine", of: "x", to: .done, caller: "key:k1")
            for part in ["history", "images"] {
                let answer = await rig.host.send(.get, "/api/v1/workflows/theirs/\(part)", principal: key)
                #expect(answer.status == .forbidden)
                #expect(answer.json?["detail"]?["code"] == "NOT_YOUR_JOB")
            }
            let mine = await rig.host.send(.get, "/api/v1/workflows/mine/history", principal: key)
            #expect(mine.status == .ok)
            #expect(await rig.host.send(.get, "/api/v1/workflows/mine/history").status == .unauthorized)
            try await rig.move("theirs", of: "x", to: .running)
            let stop = await rig.host.send(
                .post, "/api/v1/workflows/interrupt", json: ["prompt_id": "theirs"], principal: key)
            #expect(stop.status == .forbidden)
            _ = await rig.host.send(.post, "/api/v1/queue/clear", json: ["clear": true], principal: key)
            #expect(rig.backend.calls.clearings.map(\.caller) == ["key:k1"])
            #expect(rig.backend.calls.cancellations.isEmpty)
        }
    }
}
