import PluginAPI
import PluginTestKit
import Testing

@testable import Workflows

@Suite("the WebSocket of /api/v1: clients that were away, and time", .timeLimit(.minutes(1)))
struct SocketReplayTests {
    @Test("results that were missed come on the next connection, the oldest first, and only once")
    func missed() async throws {
        try await withWorkflows { rig in
            for number in 1...3 {
                rig.host.clock.advance(by: .seconds(1))
                rig.store("p\(number)")
                try await rig.move("p\(number)", of: "me", to: .done)
            }
            let client = try await rig.connect("me")
            for number in 1...3 {
                let result = try await client.next("result")
                #expect(result["prompt_id"] == .string("p\(number)"))
                #expect(result["outputs"] == WorkflowsRig.outputs)
            }
            try await client.expectSilence()
            await client.socket.close(code: 1000, reason: "")
            let again = try await rig.connect("me")
            try await again.expectSilence()
        }
    }

    @Test("a result that was told is not told again, also after a restart; one that was missed meanwhile is")
    func restart() async throws {
        let directory = try TestDirectory()
        try await withWorkflows(directory: directory) { rig in
            let client = try await rig.connect("me")
            let id = try await rig.submit(client)
            try await rig.move(id, of: "me", to: .done)
            _ = try await client.upTo("result")
            try await client.expectSilence()
            let known = try #require(try await rig.backend.job(id))
            await rig.host.kill()
            try await withWorkflows(directory: directory) { second in
                second.backend.script { $0.jobs[id] = known }
                try await second.move("missed", of: "me", to: .failed) { $0.message = "no" }
                let again = try await second.connect("me")
                let result = try await again.next("result")
                #expect(result["prompt_id"] == "missed")
                #expect(result["error"] == "no")
                try await again.expectSilence()
            }
        }
    }

    @Test("what ended before the window is not told")
    func window() async throws {
        try await withWorkflows(configuration: ["replay_window": "60s"]) { rig in
            try await rig.move("old", of: "me", to: .done)
            rig.host.clock.advance(by: .seconds(61))
            try await rig.move("new", of: "me", to: .done)
            let client = try await rig.connect("me")
            #expect(try await client.next("result")["prompt_id"] == "new")
            try await client.expectSilence()
        }
    }

    @Test("what was told is forgotten after twice the window")
    func forgetting() async throws {
        try await withWorkflows(configuration: ["replay_window": "1h"]) { rig in
            let ledger = rig.host.plugin.ledger
            let job = try await rig.move("p", of: "me", to: .done)
            try await ledger.mark(["p"], by: "me")
            rig.host.clock.advance(by: .seconds(7000))
            try await ledger.deleteOld()
            let recent = PromptJob(promptID: "p", state: .done)
            #expect(try await ledger.missed(of: [recent], by: "me").isEmpty)
            rig.host.clock.advance(by: .seconds(300))
            try await ledger.deleteOld()
            #expect(try await ledger.missed(of: [recent], by: "me").count == 1)
            #expect(try await ledger.missed(of: [job], by: "me").isEmpty)
        }
    }

    @Test("a workflow is executed for too long: that is its result, and it may end when it likes")
    func timeout() async throws {
        try await withWorkflows { rig in
            let clock = ManualClock()
            let client = try await rig.serve("me", clock: clock, timeout: .seconds(300))
            let id = try await rig.submit(client)
            // A long queue is no failure.
            clock.advance(by: .seconds(1000))
            try await client.expectSilence()
            try await rig.move(id, of: "me", to: .running) { $0.startedAt = clock.wallClock }
            await clock.waitForSleepers()
            clock.advance(by: .seconds(299))
            try await client.expectSilence()
            clock.advance(by: .seconds(1))
            let result = try await client.next("result")
            #expect(result["code"] == "TASK_TIMEOUT")
            #expect(result["success"] == false)
            #expect(result["prompt_id"] == .string(id))
            rig.say("executing", ["node": "3"], of: id, client: "me")
            try await rig.move(id, of: "me", to: .done)
            #expect(try await client.next("status")["status"] != nil)
            try await client.expectSilence()
            await client.socket.close(code: 1000, reason: "")
            let again = try await rig.connect("me")
            try await again.expectSilence()
            let history = await rig.host.send(.get, "/api/v1/workflows/\(id)/history")
            #expect(history.json?["status"] == "completed")
        }
    }

    @Test("a client that was told of the time is not told again when it is back, nor how the workflow ended")
    func timedOutBefore() async throws {
        try await withWorkflows { rig in
            let clock = ManualClock()
            try await rig.move("p", of: "me", to: .running) { $0.startedAt = clock.wallClock }
            clock.advance(by: .seconds(301))
            let client = try await rig.serve("me", clock: clock, timeout: .seconds(300))
            #expect(try await client.next("result")["code"] == "TASK_TIMEOUT")
            try await client.expectSilence()
            await client.socket.close(code: 1000, reason: "")
            let again = try await rig.serve("me", clock: clock, timeout: .seconds(300))
            try await again.expectSilence()
            rig.store("p")
            try await rig.move("p", of: "me", to: .done)
            #expect(try await again.next("status")["status"] != nil)
            try await again.expectSilence()
        }
    }

    @Test("many refusals do not make it forget that a workflow had its result")
    func refusals() async throws {
        try await withWorkflows { rig in
            let clock = ManualClock()
            try await rig.move("p", of: "me", to: .running) { $0.startedAt = clock.wallClock }
            clock.advance(by: .seconds(301))
            let client = try await rig.serve("me", clock: clock, timeout: .seconds(300))
            #expect(try await client.next("result")["code"] == "TASK_TIMEOUT")
            for _ in 0...1000 {
                try await client.send("submit", ["workflow": ["1": 5]])
                try await client.next("execution_error")
            }
            try await rig.move("p", of: "me", to: .done)
            #expect(try await client.next("status")["status"] != nil)
            try await client.expectSilence()
        }
    }

    @Test("all results of a large batch come, also those that are not among the newest thousand")
    func manyMissed() async throws {
        try await withWorkflows { rig in
            for number in 1...2500 {
                try await rig.move("p\(number)", of: "me", to: .done) { job in
                    job.createdAt = Timestamp(milliseconds: Int64(number))
                }
            }
            let client = try await rig.connect("me")
            var told: Set<String> = []
            for _ in 1...2500 { told.insert(try await client.next("result")["prompt_id"]?.stringValue ?? "?") }
            #expect(told.count == 2500)
            try await client.expectSilence()
        }
    }

    @Test("the time counts from the start of the execution, whenever the client came, and anew on another server")
    func lateClient() async throws {
        try await withWorkflows { rig in
            let clock = ManualClock()
            try await rig.move("p", of: "me", to: .running) { $0.startedAt = clock.wallClock }
            clock.advance(by: .seconds(200))
            let client = try await rig.serve("me", clock: clock, timeout: .seconds(300))
            await clock.waitForSleepers()
            clock.advance(by: .seconds(50))
            try await client.expectSilence()
            try await rig.move("p", of: "me", to: .queued)
            try await rig.move("p", of: "me", to: .running) { $0.startedAt = clock.wallClock }
            // The time of the first execution had 50 seconds left.
            while clock.untilNextWake.map({ $0 <= .seconds(60) }) ?? true { try await client.expectSilence() }
            clock.advance(by: .seconds(60))
            try await client.expectSilence()
            await client.socket.close(code: 1000, reason: "")
            clock.advance(by: .seconds(240))
            let again = try await rig.serve("me", clock: clock, timeout: .seconds(300))
            #expect(try await again.next("result")["code"] == "TASK_TIMEOUT")
        }
    }

    @Test("a server that does not tell missed results makes nobody wait; they come when it does")
    func missedLater() async throws {
        try await withWorkflows { rig in
            let clock = ManualClock()
            for id in ["p1", "p2"] {
                rig.store(id)
                try await rig.move(id, of: "me", to: .done)
            }
            rig.backend.script { $0.historyFailure = HTTPClientError(.timeout, mayHaveBeenProcessed: true, "slow") }
            let client = try await rig.serve("me", clock: clock)
            try await client.expectSilence()
            for _ in 1...2 {
                await clock.waitForSleepers()
                clock.advance(by: .seconds(10))
                try await client.expectSilence()
            }
            rig.backend.script { $0.historyFailure = nil }
            await clock.waitForSleepers()
            clock.advance(by: .seconds(10))
            var told: Set<String> = []
            for _ in 1...2 {
                let result = try await client.next("result")
                #expect(result["outputs"] == WorkflowsRig.outputs)
                told.insert(result["prompt_id"]?.stringValue ?? "?")
            }
            #expect(told == ["p1", "p2"])
            try await client.expectSilence()
        }
    }

    @Test("a result whose server does not answer is looked for again")
    func lookAgain() async throws {
        try await withWorkflows { rig in
            let clock = ManualClock()
            let client = try await rig.serve("me", clock: clock)
            let id = try await rig.submit(client)
            rig.backend.script { $0.failure = HTTPClientError(.timeout, mayHaveBeenProcessed: true, "slow") }
            var job = PromptJob(promptID: id, state: .done)
            job.clientID = "me"
            rig.backend.tell(.state(job), of: id, client: "me")
            await clock.waitForSleepers()
            rig.backend.script { $0.failure = nil }
            rig.store(id)
            clock.advance(by: .seconds(1))
            #expect(try await client.upTo("result").data["outputs"] == WorkflowsRig.outputs)
        }
    }
}
