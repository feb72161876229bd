import PluginAPI
import Synchronization
import Testing

/// Daemons and agents that die in the middle of a task.
@Suite("a task outlives who works on it")
struct AgentCrashTests {
    private static let configuration = "plugins: { agents: { push_targets: [127.0.0.0/8] } }"

    @Test("events and receipts that were acknowledged are there after kill -9 in their midst, and the work goes on")
    func killed() async throws {
        let directory = try TemporaryDirectory()
        let tasks = ["t0", "t1", "t2", "t3"]
        let told = Told()
        var tokens: [String: String] = [:]
        try await withAgentDesk(in: directory) { desk in
            try await desk.add("/agents", ["id": "a", "baseUrl": .string(desk.taker.url)])
            for task in tasks + ["done"] {
                tokens[task] = try await desk.taskToken(["agentId": "a", "taskId": .string(task)])
            }
            let known = tokens
            async let senders: [Void] = concurrently(tasks) { task in
                // Until the daemon does not answer any more; what it refuses is told by the check below.
                for number in 0..<Told.most {
                    let event: JSON = ["message": .string("\(number)")]
                    let path = "/tasks/\(task)/events"
                    guard let answer = try? await desk.agent("POST", path, as: known[task], event.text()) else {
                        return
                    }
                    told.add(task, answer.status == 200 ? "\(number)" : "refused: \(answer)")
                }
            }
            try await eventually("some are told") { told.count >= 20 }
            let receipt = try await desk.agent(
                "POST", "/tasks/done/complete", as: tokens["done"], #"{"summary": "ok"}"#)
            #expect(receipt.json["status"] == "success", "\(receipt)")
            try await desk.daemon.crash()
            _ = try await senders
        }
        try await withAgentDesk(in: directory) { desk in
            for task in tasks {
                let events = try await desk.admin("GET", "/tasks/\(task)/events?limit=200").json.arrayValue ?? []
                let messages = events.compactMap { $0["message"]?.stringValue }
                #expect(Set(messages).isSuperset(of: told.of(task)), "\(told.of(task)) of \(messages)")
                #expect(Set(messages).count == messages.count, "none is there twice: \(messages)")
                #expect(try await desk.admin("GET", "/tasks/\(task)").json["status"] == "running")
                let ended = try await desk.agent("POST", "/tasks/\(task)/complete", as: tokens[task])
                #expect(ended.json["status"] == "success", "the token counts on: \(ended)")
            }
            let done = try await desk.admin("GET", "/tasks/done").json
            #expect(done["status"] == "success" && done["resultPayload"] == ["summary": "ok"], "\(done)")
        }
    }

    @Test("a task whose agent was busy is pushed again by the daemon that comes after a kill -9")
    func busy() async throws {
        let directory = try TemporaryDirectory()
        let agent = try StandInAgent()
        try await withDaemon(Self.configuration, in: directory) { daemon in
            agent.behaves(.busy, port: daemon.port)
            for (path, body) in [
                ("/agents", ["id": "a", "baseUrl": .string(agent.url)]),
                ("/manifests", ["role": "full", "version": "1", "content": [:]]),
                ("/tasks", ["agentId": "a", "taskId": "t", "manifestId": 1, "actions": ["sync_models"]]),
            ] as [(String, JSON)] {
                let made = try await daemon.sendCatalogs("POST", path, body)
                #expect(made.status == 200, "\(made)")
            }
            try await daemon.crash()
        }
        #expect(agent.pushes == 1)
        try await withDaemon(Self.configuration, in: directory) { daemon in
            let waiting = try await daemon.sendCatalogs("GET", "/tasks/t").json
            #expect(waiting["status"] == "pending" && waiting["errorMessage"] == "AGENT_BUSY", "\(waiting)")
            agent.behaves(.works, port: daemon.port)
            // Half a minute after the first push, by itself.
            try await eventually("it is done", within: 60) {
                try await daemon.sendCatalogs("GET", "/tasks/t").json["status"] == "success"
            }
            #expect(agent.pushes == 2 && agent.done == [["sync_models"]] && agent.problems == [])
        }
    }

    @Test("a task fails when its time is over: its agent died after an event, or was too slow; a late receipt is kept")
    func expires() async throws {
        let agent = try StandInAgent()
        try await withAgentDesk(agents: "task_timeout: 3s") { desk in
            agent.behaves(.diesHalfway, port: desk.daemon.port)
            try await desk.add("/agents", ["id": "dies", "baseUrl": .string(agent.url)])
            try await desk.add("/agents", ["id": "slow", "baseUrl": .string(desk.taker.url)])
            let wish: JSON = ["agentId": "dies", "taskId": "died", "manifestUrl": "http://127.0.0.1/m"]
            #expect(try await desk.add("/tasks", wish)["status"] == "running")
            let token = try await desk.taskToken(["agentId": "slow", "taskId": "late"])
            for (id, hasBegun) in [("died", true), ("late", false)] {
                let failed = try await eventually("its time is over") { () -> JSON? in
                    let task = try await desk.admin("GET", "/tasks/\(id)").json
                    return task["status"] == "failed" ? task : JSON?.none
                }
                #expect(failed["errorMessage"] == "AGENT_TASK_EXPIRED" && failed["resultPayload"] == .null, "\(failed)")
                #expect(failed["finishedAt"] != .null && (failed["startedAt"] != .null) == hasBegun, "\(failed)")
                let again = try await desk.admin("POST", "/tasks/\(id)/push")
                #expect(again.status == 409 && again.json["detail"] == "AGENT_TASK_EXPIRED", "\(again)")
            }
            let late = try await desk.agent("POST", "/tasks/late/complete", as: token, #"{"summary": "ok"}"#)
            #expect(late.status == 401 && late.json["detail"] == "AGENT_TOKEN_EXPIRED", "\(late)")
            #expect(try await desk.admin("GET", "/tasks/late").json["status"] == "failed")
            let events = try await desk.admin("GET", "/tasks/late/events").json.arrayValue ?? []
            #expect(events.map { $0["level"] } == ["warn", "warn"], "\(events)")
            #expect(events.first?["payload"] == ["summary": "ok"])
        }
    }

    /// What the daemon acknowledged, by task.
    private final class Told: Sendable {
        /// As many events as a list shows.
        static let most = 200
        private let messages = Mutex<[String: [String]]>([:])

        var count: Int { messages.withLock { $0.values.map(\.count).reduce(0, +) } }

        func add(_ task: String, _ message: String) { messages.withLock { $0[task, default: []].append(message) } }

        func of(_ task: String) -> [String] { messages.withLock { $0[task] ?? [] } }
    }
}
