import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// Seed 001 §4–6, `spec/agents.md` §6.3, §6.4, §7.
@Suite struct ReportTests {
    private static let path = "/tasks/agt_20260205_0001"

    @Test("the seed's event is answered as the seed says, and makes the task run")
    func seedEvent() async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            let answer = await rig.agent(
                .post, "\(Self.path)/events", token: token,
                [
                    "level": "info", "step": "models", "message": "sync models started", "progress": 42,
                    "payload": ["note": "optional extra payload"],
                ])
            #expect(answer.status == .ok, "\(answer)")
            #expect(answer.json?["taskId"] == "agt_20260205_0001")
            #expect(answer.json?["level"] == "info")
            #expect(answer.json?["message"] == "sync models started")
            #expect(
                answer.json?["payload"] == ["note": "optional extra payload", "step": "models", "progress": 42])
            #expect(answer.json?["step"] == "models")
            let task = try await rig.tasks.find("agt_20260205_0001")
            #expect(task.state == .running)
            #expect(task.startedAt == rig.host.clock.wallClock)
            let listed = await rig.admin(.get, "\(Self.path)/events").json
            #expect(listed?.arrayValue?.first == answer.json)
        }
    }

    @Test("the first event starts the task, a later one does not start it again")
    func startsOnce() async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            let start = rig.host.clock.wallClock
            _ = await rig.agent(.post, "\(Self.path)/events", token: token, ["message": "one"])
            rig.host.clock.advance(by: .seconds(30))
            _ = await rig.agent(.post, "\(Self.path)/events", token: token, ["message": "two"])
            #expect(try await rig.tasks.find("agt_20260205_0001").startedAt == start)
        }
    }

    @Test("an event that shows the agent at work ends the wait for another push")
    func eventEndsRetry() async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask()
            _ = try await rig.tasks.tell(task.id, .notAccepted) { task, _ in
                task.nextPushAt = Timestamp(milliseconds: 1)
                task.errorMessage = "AGENT_BUSY"
            }
            _ = await rig.agent(.post, "\(Self.path)/events", token: token, ["message": "one"])
            let running = try await rig.tasks.find(task.id)
            #expect(running.nextPushAt == nil)
            #expect(running.errorMessage == nil)
        }
    }

    @Test("either spelling of every key is taken, and what agents added later is kept")
    func spellings() async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            let answer = await rig.agent(
                .post, "\(Self.path)/events", token: token,
                [
                    "message": "m", "event_time": "2026-02-05T22:40:00", "node_id": "7", "retry_count": 2,
                    "traceId": "t", "stage": "download", "provider": "p",
                ])
            #expect(answer.json?["eventTime"] == "2026-02-05T22:40:00.000Z")
            #expect(
                answer.json?["payload"] == [
                    "stage": "download", "provider": "p", "nodeId": "7", "traceId": "t", "retryCount": 2,
                ])
        }
    }

    @Test("a message is trimmed and cut, not refused")
    func longMessage() async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            let long = String(repeating: "é", count: 5000)
            let answer = await rig.agent(.post, "\(Self.path)/events", token: token, ["message": .string("  \(long) ")])
            #expect(answer.json?["message"]?.stringValue?.unicodeScalars.count == 4096)
            #expect(answer.json?["payload"] == .null)
        }
    }

    @Test(
        "an event of the wrong form is refused as a whole",
        arguments: [
            [:], ["message": 1], ["message": "m", "payload": []], ["message": "m", "progress": "half"],
            ["message": "m", "eventTime": "yesterday"], [],
        ] as [JSON])
    func badEvent(_ body: JSON) async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask()
            let answer = await rig.agent(.post, "\(Self.path)/events", token: token, body)
            #expect(answer.status == 422)
            #expect(answer.json?["detail"]?.arrayValue?.isEmpty == false)
            #expect(try await rig.tasks.find(task.id).state == .pending)
        }
    }

    @Test("the seed's receipts are answered as the seed says")
    func seedReceipts() async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask()
            let done = await rig.agent(
                .post, "\(Self.path)/complete", token: token, ["summary": "ok", "synced": ["models", "plugins"]])
            #expect(done.status == .ok)
            #expect(done.json?["id"] == "agt_20260205_0001")
            #expect(done.json?["agentId"] == "comfyui-158")
            #expect(done.json?["status"] == "success")
            #expect(done.json?["resultPayload"] == ["summary": "ok", "synced": ["models", "plugins"]])
            #expect(done.json?["finishedAt"]?.stringValue == rig.host.clock.wallClock.iso8601)
            #expect(try await rig.tasks.find(task.id).state == .success)

            let other = try await rig.addTask("agt_20260205_0002")
            let failed = await rig.agent(
                .post, "/tasks/agt_20260205_0002/failed", token: try rig.token(of: other),
                [
                    "error_code": "DOWNLOAD_FAILED", "message": "Download xxx.safetensors failed",
                    "failed_items": ["models": ["xxx.safetensors"], "plugins": [], "workflows": []],
                ])
            #expect(failed.json?["status"] == "failed")
            #expect(failed.json?["errorMessage"] == "DOWNLOAD_FAILED")
            #expect(failed.json?["errorCode"] == "DOWNLOAD_FAILED")
            #expect(failed.json?["resultPayload"]?["failedItems"]?["models"] == ["xxx.safetensors"])
            #expect(failed.json?["resultPayload"]?["failed_items"] == nil)
        }
    }

    @Test(
        "a failure is named by the first of code, message and error that says something",
        arguments: [
            (["error_code": " ", "message": "m", "error": "e"], "m"), (["error": "e"], "e"), ([:], nil),
            (["errorCode": "C", "message": "m"], "C"),
        ] as [(JSON, String?)])
    func reasons(_ body: JSON, _ expected: String?) async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask()
            #expect(await rig.agent(.post, "\(Self.path)/failed", token: token, body).status == .ok)
            #expect(try await rig.tasks.find(task.id).errorMessage == expected)
        }
    }

    @Test("a receipt may have no body", arguments: ["complete", "failed"])
    func emptyReceipt(_ outcome: String) async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            let answer = await rig.agent(.post, "\(Self.path)/\(outcome)", token: token)
            #expect(answer.json?["status"]?.stringValue == (outcome == "complete" ? "success" : "failed"))
            #expect(answer.json?["resultPayload"] == [:])
        }
    }

    @Test("a success with items that failed stays a success, with a warning")
    func failedItems() async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            let items: JSON = ["models": ["a.safetensors"], "plugins": []]
            for _ in 0..<2 {
                let answer = await rig.agent(
                    .post, "\(Self.path)/complete", token: token, ["failed_items": items])
                #expect(answer.json?["status"] == "success")
                #expect(answer.json?["resultPayload"]?["failedItems"] == items)
            }
            let events = await rig.admin(.get, "\(Self.path)/events").json?.arrayValue ?? []
            #expect(events.count == 1)
            #expect(events.first?["level"] == "warn")
            #expect(events.first?["payload"]?["failedItems"] == items)
        }
    }

    @Test("empty lists of failed items are no warning")
    func noFailedItems() async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            let answer = await rig.agent(
                .post, "\(Self.path)/complete", token: token, ["failed_items": ["models": [], "plugins": []]])
            #expect(answer.json?["resultPayload"]?["failedItems"] == nil)
            #expect(await rig.admin(.get, "\(Self.path)/events").json == [])
        }
    }

    @Test("a success tells which version its agent has, also after a restart")
    func manifestVersion() async throws {
        let directory = try TestDirectory()
        try await withAgents(directory: directory) { rig in
            let (_, token) = try await rig.oneTask(withManifest: true)
            #expect(await rig.agent(.post, "\(Self.path)/complete", token: token).status == .ok)
            let agent = await rig.admin(.get, "/agents/comfyui-158").json
            #expect(agent?["last_manifest_version"] == "2026.02.05-001")
            await rig.host.kill()
        }
        try await withAgents(directory: directory) { rig in
            let agent = await rig.admin(.get, "/agents/comfyui-158").json
            #expect(agent?["last_manifest_version"] == "2026.02.05-001")
        }
    }

    @Test("a failure leaves the agent's version alone")
    func versionOfFailure() async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask(withManifest: true)
            _ = await rig.agent(.post, "\(Self.path)/failed", token: token)
            #expect(await rig.admin(.get, "/agents/comfyui-158").json?["last_manifest_version"] == .null)
        }
    }

    @Test(
        "what comes after the end changes nothing: not a repeated receipt, not another, not an event",
        arguments: ["complete", "failed"], ["complete", "failed"])
    func afterTheEnd(_ first: String, _ second: String) async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask()
            let end = await rig.agent(
                .post, "\(Self.path)/\(first)", token: token, ["summary": "first", "message": "first"])
            rig.host.clock.advance(by: .seconds(10))
            let again = await rig.agent(
                .post, "\(Self.path)/\(second)", token: token, ["summary": "second", "message": "second"])
            #expect(again.status == .ok)
            #expect(again.json == end.json)
            let late = await rig.agent(.post, "\(Self.path)/events", token: token, ["message": "late"])
            #expect(late.status == .ok)
            let stored = try await rig.tasks.find(task.id)
            #expect(stored.state.rawValue == (first == "complete" ? "success" : "failed"))
            #expect(stored.result?["summary"] == "first")
            #expect(await rig.admin(.get, "\(Self.path)/events").json?.arrayValue?.first?["message"] == "late")
        }
    }

    @Test("an agent that floods is slowed down, the others are not")
    func flood() async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            _ = try await rig.addAgent("comfyui-159")
            let other = try await rig.addTask("other", agent: "comfyui-159")
            for _ in 0..<600 {
                #expect(await rig.agent(.post, "\(Self.path)/events", token: token, ["message": "m"]).status == .ok)
            }
            let refused = await rig.agent(.post, "\(Self.path)/events", token: token, ["message": "m"])
            rig.expect(refused, .rateLimited)
            #expect(refused.headers["Retry-After"] == "1")
            let calm = await rig.agent(
                .post, "/tasks/other/events", token: try rig.token(of: other), ["message": "m"])
            #expect(calm.status == .ok)
        }
    }

    @Test("oversized and deep bodies are refused", arguments: ["events", "complete", "failed"])
    func hostileBodies(_ route: String) async throws {
        try await withAgents { rig in
            let (_, token) = try await rig.oneTask()
            let large: JSON = ["message": .string(String(repeating: "x", count: 2 << 20))]
            #expect(await rig.agent(.post, "\(Self.path)/\(route)", token: token, large).status == 413)
            var deep: JSON = [:]
            for _ in 0..<40 { deep = ["a": deep] }
            let answer = await rig.agent(
                .post, "\(Self.path)/\(route)", token: token, ["message": "m", "payload": deep])
            #expect(answer.status == 422)
        }
    }
}
