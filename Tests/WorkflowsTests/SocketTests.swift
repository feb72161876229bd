import PluginAPI
import PluginTestKit
import Testing

@testable import Workflows

@Suite("the WebSocket of /api/v1: messages and their order", .timeLimit(.minutes(1)))
struct SocketTests {
    @Test("a connection begins with a greeting and the queue's length")
    func greeting() async throws {
        try await withWorkflows({ $0.remaining = 3 }) { rig in
            try await rig.move("open", of: "me", to: .submitted)
            let client = try await rig.dial("me")
            #expect(
                try await client.next("system")
                    == ["message": "Connected.", "client_id": "me", "prompt_ids": ["open"]])
            #expect(
                try await client.next("status")
                    == ["status": ["exec_info": ["queue_remaining": 3]], "sid": "me"])
            try await client.expectSilence()
        }
    }

    @Test("a submitted workflow is answered first, then told about step by step, with one result at the end")
    func wholeStory() async throws {
        try await withWorkflows { rig in
            let client = try await rig.connect("me")
            try await client.send("submit", ["workflow": WorkflowsRig.workflow, "client_ref": ["row": 7]])
            let answer = try await client.next("system")
            let id = try #require(answer["prompt_id"]?.stringValue)
            #expect(answer["client_ref"] == ["row": 7])
            #expect(answer["number"] == 1)
            #expect(answer["message"]?.stringValue?.isEmpty == false)
            #expect(try await client.next("status") == ["status": ["exec_info": ["queue_remaining": 1]]])
            let submission = try #require(rig.backend.calls.submissions.first)
            #expect(submission.promptID == id)
            #expect(submission.clientID == "me")
            #expect(submission.caller == "client:me")
            #expect(submission.prompt == WorkflowsRig.workflow)

            try await rig.move(id, of: "me", to: .running)
            rig.say("execution_start", ["prompt_id": .string(id)], of: id, client: "me")
            rig.say("executing", ["node": "3", "prompt_id": .string(id)], of: id, client: "me")
            rig.say("progress", ["value": 5, "max": 20, "node": "3"], of: id, client: "me")
            rig.say("progress_state", ["nodes": [:]], of: id, client: "me")
            rig.say("executed", ["node": "9", "output": WorkflowsRig.outputs["9"] ?? [:]], of: id, client: "me")
            rig.say("executing", ["node": nil, "prompt_id": .string(id)], of: id, client: "me")
            #expect(try await client.next("executing") == ["node": "3", "prompt_id": .string(id)])
            #expect(
                try await client.next("progress")
                    == ["value": 5, "max": 20, "node": "3", "prompt_id": .string(id)])
            #expect(
                try await client.next("executed")
                    == ["node": "9", "output": WorkflowsRig.outputs["9"] ?? [:], "prompt_id": .string(id)])
            try await client.expectSilence()
            rig.store(id)
            try await rig.move(id, of: "me", to: .done)
            #expect(try await client.next("status") == ["status": ["exec_info": ["queue_remaining": 0]]])
            #expect(
                try await client.next("result")
                    == ["prompt_id": .string(id), "success": true, "outputs": WorkflowsRig.outputs, "error": nil])
            try await client.expectSilence()
        }
    }

    @Test("what happens before the submission is answered is told after the answer")
    func early() async throws {
        let gate = Latch()
        try await withWorkflows { rig in
            rig.backend.script { script in
                script.submit = { submission in
                    let id = submission.promptID ?? ""
                    try await rig.move(id, of: "me", to: .submitted, caller: "client:me")
                    try await rig.move(id, of: "me", to: .running)
                    rig.say("executing", ["node": "1"], of: id, client: "me")
                    try await rig.move(id, of: "me", to: .done)
                    await gate.wait()
                    return SubmittedPrompt(promptID: id, number: 4, nodeErrors: [:])
                }
            }
            let client = try await rig.connect("me")
            try await client.send("submit", ["workflow": WorkflowsRig.workflow])
            // A prompt of another way comes through meanwhile.
            while rig.backend.calls.submissions.isEmpty { await Task.yield() }
            try await rig.move("other", of: "me", to: .submitted)
            #expect(try await client.next("system")["prompt_id"] == "other")
            try await client.next("status")
            gate.open()
            let (types, data) = try await client.upTo("result")
            #expect(types.filter { $0 != "status" } == ["system", "executing", "result"])
            #expect(data["success"] == true)
        }
    }

    @Test("two workflows at once are told apart")
    func two() async throws {
        try await withWorkflows { rig in
            let client = try await rig.connect("me")
            let first = try await rig.submit(client)
            let second = try await rig.submit(client)
            try await rig.move(first, of: "me", to: .running)
            try await rig.move(second, of: "me", to: .running)
            for step in 1...3 {
                for id in [first, second] {
                    rig.say("progress", ["value": .number(JSONNumber(step)), "max": 3], of: id, client: "me")
                }
            }
            try await rig.move(second, of: "me", to: .done)
            try await rig.move(first, of: "me", to: .done)
            var told: [String: [String]] = [:]
            while told.values.filter({ $0.last == "result" }).count < 2 {
                let message = try #require(try await client.receive())
                guard let id = message["data"]?["prompt_id"]?.stringValue else { continue }
                told[id, default: []].append(message["type"]?.stringValue ?? "")
            }
            let story = ["progress", "progress", "progress", "result"]
            #expect(told == [first: story, second: story])
        }
    }

    @Test("a node that fails is told with ComfyUI's words, and the result says no")
    func failure() async throws {
        try await withWorkflows { rig in
            let client = try await rig.connect("me")
            let id = try await rig.submit(client)
            try await rig.move(id, of: "me", to: .running)
            let words: JSON = [
                "prompt_id": .string(id), "node_id": "5", "node_type": "LabRaise", "exception_message": "boom",
                "exception_type": "ValueError", "traceback": ["line 1"], "current_inputs": ["secret": ["tensor"]],
            ]
            rig.say("execution_error", words, of: id, client: "me")
            #expect(
                try await client.next("execution_error")
                    == [
                        "message": "boom", "code": "WORKFLOW_EXECUTION_ERROR", "node_id": "5", "node_type": "LabRaise",
                        "exception_type": "ValueError", "traceback": ["line 1"], "prompt_id": .string(id),
                    ])
            rig.store(id, outputs: [:], status: ["status_str": "error", "messages": [["execution_error", words]]])
            try await rig.move(id, of: "me", to: .failed) { $0.message = "boom" }
            try await client.next("status")
            #expect(
                try await client.next("result")
                    == ["prompt_id": .string(id), "success": false, "outputs": [:], "error": "boom"])
            try await client.expectSilence()
        }
    }

    @Test(
        "an end that no server told is an error with a reason",
        arguments: [(JobState.lost, true), (.failed, true), (.cancelled, false)])
    func silentEnd(_ state: JobState, _ isError: Bool) async throws {
        try await withWorkflows { rig in
            let client = try await rig.connect("me")
            let id = try await rig.submit(client)
            try await rig.move(id, of: "me", to: state) { $0.message = "because" }
            try await client.next("status")
            if isError {
                let error = try await client.next("execution_error")
                #expect(error["code"] == "WORKFLOW_EXECUTION_ERROR")
                #expect(error["message"] == "because")
                #expect(error["prompt_id"] == .string(id))
            }
            let result = try await client.next("result")
            #expect(result["success"] == false)
            #expect(result["error"] == "because")
            #expect(result["outputs"] == [:])
        }
    }

    @Test("a workflow that was submitted over HTTP is told about too, once")
    func overHTTP() async throws {
        try await withWorkflows { rig in
            let client = try await rig.connect("me")
            let answer = await rig.host.send(
                .post, "/api/v1/workflows/submit", json: ["workflow": WorkflowsRig.workflow, "client_id": "me"])
            let id = try #require(answer.json?["prompt_id"]?.stringValue)
            try await rig.move(id, of: "me", to: .submitted)
            #expect(try await client.next("system")["prompt_id"] == .string(id))
            try await client.next("status")
            try await rig.move(id, of: "me", to: .done)
            try await client.next("status")
            #expect(try await client.next("result")["prompt_id"] == .string(id))
            try await client.expectSilence()
        }
    }

    @Test("submissions are queued and answered in their order, more than may wait at once too")
    func order() async throws {
        try await withWorkflows { rig in
            let count = SubmissionLine.mostWaiting * 2
            let client = try await rig.connect("me")
            for number in 0..<count {
                try await client.send(
                    "submit", ["workflow": WorkflowsRig.workflow, "client_ref": .number(JSONNumber(number))])
            }
            var echoes: [Int] = []
            while echoes.count < count {
                let message = try #require(try await client.receive())
                if message["type"] == "system" { echoes.append(message["data"]?["client_ref"]?.intValue ?? -1) }
            }
            #expect(echoes == Array(0..<count))
            #expect(rig.backend.calls.submissions.count == count)
        }
    }

    @Test("a worker that starts again from the queue's end does not end the connection's story")
    func requeued() async throws {
        try await withWorkflows { rig in
            let client = try await rig.connect("me")
            let id = try await rig.submit(client)
            try await rig.move(id, of: "me", to: .running)
            try await rig.move(id, of: "me", to: .queued)
            try await rig.move(id, of: "me", to: .running)
            try await rig.move(id, of: "me", to: .done)
            let (types, data) = try await client.upTo("result")
            #expect(types == ["status", "result"])
            #expect(data["success"] == true)
        }
    }
}
