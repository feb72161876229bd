import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Workflows

@Suite("the WebSocket of /api/v1: what clients may do, and how connections end", .timeLimit(.minutes(1)))
struct SocketCommandTests {
    @Test(
        "a message that cannot be understood is answered, and the connection stays",
        arguments: [
            ("no json", "WEBSOCKET_ERROR"), ("[]", "WEBSOCKET_ERROR"), ("{}", "WEBSOCKET_ERROR"),
            (#"{"type":"dance"}"#, "WEBSOCKET_ERROR"), (#"{"type":"submit","data":[]}"#, "WEBSOCKET_ERROR"),
            (#"{"type":"interrupt"}"#, "WEBSOCKET_ERROR"), (#"{"type":"submit"}"#, "WORKFLOW_VALIDATION_ERROR"),
            (#"{"type":"submit","data":{"workflow":{}}}"#, "WORKFLOW_VALIDATION_ERROR"),
            (#"{"type":"submit","data":{"workflow":null}}"#, "WORKFLOW_VALIDATION_ERROR"),
        ])
    func wrong(_ text: String, _ code: String) async throws {
        try await withWorkflows { rig in
            let client = try await rig.connect("me")
            try await client.socket.send(.text(text))
            let answer = try await client.next("system")
            #expect(answer["code"] == .string(code))
            #expect(answer["message"]?.stringValue?.isEmpty == false)
            try await client.expectSilence()
            #expect(rig.backend.calls.submissions.isEmpty)
        }
    }

    @Test("a binary message is refused like a text that is no JSON")
    func binary() async throws {
        try await withWorkflows { rig in
            let client = try await rig.connect("me")
            try await client.socket.send(.binary([1, 2]))
            #expect(try await client.next("system")["code"] == "WEBSOCKET_ERROR")
            try await client.expectSilence()
        }
    }

    @Test("pong has the time")
    func pong() async throws {
        try await withWorkflows { rig in
            let client = try await rig.connect("me")
            try await client.send("ping")
            #expect(try await client.next("pong")["timestamp"]?.doubleValue == 1_767_225_600)
        }
    }

    @Test("a workflow of the wrong form is refused before any server sees it")
    func invalid() async throws {
        try await withWorkflows { rig in
            let client = try await rig.connect("me")
            try await client.send("submit", ["workflow": ["1": ["inputs": [:]]], "client_ref": "x"])
            let error = try await client.next("execution_error")
            #expect(error["code"] == "WORKFLOW_VALIDATION_ERROR")
            #expect(error["message"] == "Node 1 has no class_type.")
            #expect(error["client_ref"] == "x")
            #expect(rig.backend.calls.submissions.isEmpty)
            try await client.expectSilence()
        }
    }

    @Test("a refusal of a server has its words, and what the backend tells of that prompt later is not told")
    func refused() async throws {
        let ids = Mutex<[String]>([])
        try await withWorkflows { rig in
            rig.backend.script { script in
                script.submit = { submission in
                    let id = submission.promptID ?? ""
                    ids.withLock { $0.append(id) }
                    try await rig.move(id, of: "me", to: .queued, caller: "client:me")
                    throw PromptRefusal(
                        error: ["type": "prompt_no_outputs", "message": "Prompt has no outputs"],
                        nodeErrors: ["9": ["errors": []]])
                }
            }
            let client = try await rig.connect("me")
            try await client.send("submit", ["workflow": WorkflowsRig.workflow])
            let error = try await client.next("execution_error")
            #expect(error["code"] == "WORKFLOW_VALIDATION_ERROR")
            #expect(error["message"] == "Prompt has no outputs")
            #expect(error["detail"]?["error"]?["type"] == "prompt_no_outputs")
            #expect(error["detail"]?["node_errors"]?["9"] != nil)
            let id = try #require(ids.withLock { $0.first })
            try await rig.move(id, of: "me", to: .failed)
            try await rig.move("next", of: "me", to: .submitted)
            let (types, _) = try await client.upTo("system")
            #expect(types.filter { $0 != "status" } == ["system"])
        }
    }

    @Test(
        "a server that cannot be reached is a connection error",
        arguments: [
            HTTPClientError(.connect, mayHaveBeenProcessed: false, "refused") as any Error,
            HTTPError(.serviceUnavailable, "gateway.no_worker", "No worker can be used."),
            PromptRefusal(status: .internalServerError, error: ["message": "500"]),
        ])
    func unreachable(_ failure: any Error) async throws {
        try await withWorkflows({ $0.submit = { _ in throw failure } }) { rig in
            let client = try await rig.connect("me")
            try await client.send("submit", ["workflow": WorkflowsRig.workflow])
            #expect(try await client.next("execution_error")["code"] == "CONNECTION_ERROR")
            try await client.expectSilence()
        }
    }

    @Test("interrupt ends one workflow, by the client's own name")
    func interrupt() async throws {
        try await withWorkflows { rig in
            let client = try await rig.connect("me")
            let id = try await rig.submit(client)
            try await client.send("interrupt", ["prompt_id": .string(id)])
            #expect(try await client.next("system")["prompt_id"] == .string(id))
            #expect(rig.backend.calls.cancellations.map(\.promptID) == [id])
            try await rig.move(id, of: "me", to: .cancelled) { $0.message = "interrupted" }
            #expect(try await client.upTo("result").data["error"] == "interrupted")
            try await client.send("interrupt", ["prompt_id": .string(id)])
            #expect(try await client.next("system")["code"] == "WORKFLOW_NOT_FOUND")
            try await client.send("interrupt", ["prompt_id": "nobody"])
            #expect(try await client.next("system")["code"] == "WORKFLOW_NOT_FOUND")
        }
    }

    @Test("subscribe tells about another client's workflow; that client still gets its own result")
    func subscribe() async throws {
        try await withWorkflows { rig in
            try await rig.move("theirs", of: "other", to: .submitted)
            let client = try await rig.connect("me")
            try await client.send("subscribe", ["prompt_id": "theirs"])
            #expect(try await client.next("system")["prompt_id"] == "theirs")
            try await rig.move("theirs", of: "other", to: .running)
            rig.say("executing", ["node": "1"], of: "theirs", client: "other")
            #expect(try await client.next("executing") == ["node": "1", "prompt_id": "theirs"])
            try await rig.move("theirs", of: "other", to: .done)
            #expect(try await client.upTo("result").data["prompt_id"] == "theirs")
            try await client.send("subscribe", ["prompt_id": "theirs"])
            #expect(try await client.next("system")["prompt_id"] == "theirs")
            #expect(try await client.next("result")["prompt_id"] == "theirs")
            try await client.send("subscribe", ["prompt_id": "nobody"])
            #expect(try await client.next("system")["code"] == "WORKFLOW_NOT_FOUND")
            let other = try await rig.connect("other")
            #expect(try await other.next("result")["prompt_id"] == "theirs")
        }
    }

    @Test("a key is told of its own workflows only, whatever client id it names")
    func privacy() async throws {
        try await withWorkflows(openSurfaces: false) { rig in
            let key = Principal(kind: .apiKey, id: "k1", name: "K", scopes: [JobScope.jobs])
            try await rig.move("missed", of: "me", to: .done, caller: "key:k2")
            try await rig.move("open", of: "me", to: .running, caller: "key:k2")
            let client = try await rig.dial("me", principal: key)
            #expect(try await client.next("system")["prompt_ids"] == [])
            try await client.next("status")
            rig.say("executing", ["node": "1"], of: "open", client: "me")
            try await rig.move("open", of: "me", to: .done)
            try await client.send("subscribe", ["prompt_id": "open"])
            #expect(try await client.next("system")["code"] == "NOT_YOUR_JOB")
            try await client.send("interrupt", ["prompt_id": "open"])
            #expect(try await client.next("system")["code"] == "NOT_YOUR_JOB")
            #expect(rig.backend.calls.cancellations.isEmpty)
            // What an administrator is told under the same client id is not taken from the key.
            let admin = try await rig.connect("me", principal: Principal(kind: .admin, id: "admin", name: "admin"))
            for _ in 0..<2 { try await admin.next("result") }
            // Another key with the same client id is another client.
            let second = Principal(kind: .apiKey, id: "k2", name: "K2", scopes: [JobScope.jobs])
            let other = try await rig.connect("me", principal: second)
            let results = [try await other.next("result"), try await other.next("result")]
            #expect(Set(results.compactMap { $0["prompt_id"]?.stringValue }) == ["missed", "open"])
            try await client.expectSilence()
        }
    }

    @Test("a second connection of a client id closes the first with 4001, and has the story from there on")
    func displaced() async throws {
        try await withWorkflows { rig in
            let first = try await rig.connect("me")
            let id = try await rig.submit(first)
            let second = try await rig.connect("me")
            #expect(try await first.closing() == 4001)
            try await rig.move(id, of: "me", to: .done)
            #expect(try await second.upTo("result").data["prompt_id"] == .string(id))
            try await second.expectSilence()
        }
    }

    @Test("a second connection does not wait for submissions that nobody answers", .timeLimit(.minutes(1)))
    func displacedWhileSubmitting() async throws {
        let (gate, opening) = AsyncStream<Never>.makeStream()
        let latch = Latch()
        let isFirst = Mutex(true)
        try await withWorkflows { rig in
            rig.backend.script { script in
                script.submit = { submission in
                    if isFirst.withLock({ isFirst in
                        defer { isFirst = false }
                        return isFirst
                    }) {
                        latch.open()
                        for await _ in gate {}
                    }
                    return SubmittedPrompt(promptID: submission.promptID ?? "", number: 1, nodeErrors: [:])
                }
            }
            let first = try await rig.connect("me")
            for _ in 0..<SubmissionLine.mostWaiting + 6 {
                try await first.send("submit", ["workflow": WorkflowsRig.workflow])
            }
            await latch.wait()
            let second = try await rig.connect("me")
            try await second.expectSilence()
            #expect(try await first.closing() == 4001)
            opening.finish()
        }
    }

    @Test(
        "a client that takes nothing is closed with 1013, and gets the result when it is back", .timeLimit(.minutes(1)))
    func slow() async throws {
        try await withWorkflows { rig in
            let socket = StuckSocket()
            let session = rig.session("me", socket, rig.host.clock)
            let running = Task { await session.run() }
            // Else the first write might take what has come until then, and the rest would fit into the queue.
            await socket.isStuck.wait()
            try await rig.move("p", of: "me", to: .running)
            for value in 0...OutgoingQueue.mostMessages + 10 {
                rig.say("progress", ["value": .number(JSONNumber(value)), "max": 1], of: "p", client: "me")
            }
            try await rig.move("p", of: "me", to: .done)
            await running.value
            #expect(socket.code == 1013)
            let client = try await rig.connect("me")
            #expect(try await client.upTo("result").data["prompt_id"] == "p")
        }
    }

    @Test("a result larger than the queue does not close the connection because something waits before it")
    func large() throws {
        let queue = OutgoingQueue()
        let large = SocketMessage("result", ["text": .string(String(repeating: "x", count: OutgoingQueue.mostBytes))])
        // Not within the expectation, which would print it.
        let taken = [SocketMessage.system("first"), large, .system("too much")].map { queue.add($0) }
        #expect(taken == [true, true, false])
    }

    @Test("submissions that wait are bounded in bytes too", .timeLimit(.minutes(1)))
    func line() async {
        let line = SubmissionLine()
        let (gate, opening) = AsyncStream<Never>.makeStream()
        let half = SubmissionLine.mostBytes / 2
        await line.add(half) { for await _ in gate {} }
        await line.add(half) {}
        let hasGoneOn = Mutex(false)
        let third = Task {
            await line.add(1) {}
            hasGoneOn.withLock { $0 = true }
        }
        try? await Task.sleep(for: .milliseconds(50))
        #expect(!hasGoneOn.withLock { $0 })
        opening.finish()
        await third.value
        await line.finish()
    }

    @Test("a backend that goes away, and a plugin that stops, close with 1012")
    func restart() async throws {
        try await withWorkflows { rig in
            let client = try await rig.connect("me")
            rig.backend.endStreams()
            #expect(try await client.closing() == 1012)
            let again = try await rig.connect("me")
            rig.host.plugin.sessions.closeAll()
            #expect(try await again.closing() == 1012)
        }
    }

    @Test("a client id has 1 to 100 characters")
    func clientIDs() async throws {
        try await withWorkflows { rig in
            _ = try await rig.connect(String(repeating: "x", count: 100))
            let refusal = await #expect(throws: TestUpgradeRefused.self) {
                try await rig.dial(String(repeating: "x", count: 101))
            }
            #expect(refusal?.response.status == .badRequest)
            #expect(refusal?.response.json?["detail"]?["code"] == "WEBSOCKET_ERROR")
        }
    }
}

/// A connection whose peer never reads.
private final class StuckSocket: WebSocket {
    /// Open once the first message is on its way.
    let isStuck = Latch()
    private let closeCode = Mutex<UInt16?>(nil)

    var code: UInt16? { closeCode.withLock { $0 } }
    var bufferedBytes: Int { 1 }

    func receive() async throws -> WebSocketMessage? {
        try await Task.sleep(for: .seconds(3600))
        return nil
    }

    func send(_ message: WebSocketMessage) async throws {
        isStuck.open()
        try await Task.sleep(for: .seconds(3600))
    }

    func close(code: UInt16, reason: String) async {
        closeCode.withLock { $0 = $0 ?? code }
    }
}
