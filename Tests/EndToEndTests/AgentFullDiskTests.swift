import Glibc
import PluginAPI
import Testing

@Suite("the disk fills up under agents")
struct AgentFullDiskTests {
    /// Something that is stored; each time it is large, so that room left in files does not last.
    private struct Write: Sendable {
        let name: String
        /// How often it can be sent.
        let most: Int
        /// Whether each takes the place of the last.
        var isChange = false
        let send: @Sendable (Int) async throws -> HTTPAnswer
        /// What of it the administrator is shown.
        let shown: @Sendable () async throws -> Set<JSON>
    }

    /// What became of writes, in their order.
    private struct Outcome {
        var taken: [Int] = []
        var refused: [Int] = []
    }

    /// How many times a write has to be refused.
    private static let refusals = 3
    private static let receipts = 6

    /// Text of so many thousand characters.
    private static func text(_ thousands: Int) -> JSON { .string(String(repeating: "x", count: thousands * 1000)) }

    @Test(
        "what was acknowledged is there, what cannot be kept is refused, and all goes on without a restart",
        arguments: FullDisk.State.allCases)
    func full(_ state: FullDisk.State) async throws {
        let directory = try TemporaryDirectory()
        directory.folder("state")
        let disk = try await FullDisk(folder: directory.file("state"), flag: directory.file("full"))
        let hook = try LocalServer { _ in LocalServer.Answer() }
        let alerts = "webhook_url: \(hook.url)/\nrate_limit: 6000"
        try await withAgentDesk(alerts: alerts, in: directory, environment: disk.environment) { desk in
            let pid = desk.daemon.pid
            let writes = try await prepare(desk)
            let beating = try await desk.token(of: "b")
            let end = time(nil) + 3
            let late = try await desk.taskToken([
                "agentId": "b", "taskId": "late",
                "expiresAt": .string(Timestamp(milliseconds: Int64(end) * 1000).iso8601),
            ])

            try disk.fill(state)
            var outcomes: [String: Outcome] = [:]
            for write in writes { outcomes[write.name] = try await Self.fillUp(write) }
            let beat: JSON = ["cpu": 77, "payload": ["notes": Self.text(60)]]
            let heard = try await desk.agent("POST", "/agents/b/heartbeat", as: beating, beat.text())
            #expect(heard.status == 200, "\(heard)")
            #expect(try await desk.admin("GET", "/agents/b").json["metrics"]?["cpu"] == 77)
            try await desk.daemon.logged("scheduled job failed", "job=heartbeats")
            try await eventually("a task is over") { time(nil) > end }
            let refused = try await desk.agent("POST", "/tasks/late/complete", as: late)
            #expect([401, 409].contains(refused.status), "\(refused)")
            try await check(writes, outcomes)
            for path in ["/agents", "/tasks", "/alerts", "/tasks/t0/events"] {
                #expect(try await desk.admin("GET", path).status == 200, "\(path)")
            }
            #expect(try await desk.daemon.probe.get("/health/live").status == 200)

            disk.makeRoom()
            try await eventually("heartbeats are written\n\(desk.daemon.tail)") { try await !isTrouble(desk) }
            try await eventually("the sweeper goes on\n\(desk.daemon.tail)") {
                try await desk.admin("GET", "/tasks/late").json["errorMessage"] == "AGENT_TASK_EXPIRED"
            }
            try await eventually("the daemon is ready") {
                try await desk.daemon.probe.get("/health/ready").status == 200
            }
            #expect(desk.daemon.pid == pid && desk.daemon.isRunning)
            try await check(writes, outcomes)
            // Sent again, as clients do, the refused ones are taken.
            for write in writes {
                for number in outcomes[write.name]?.refused ?? [] {
                    let again = try await write.send(number)
                    #expect(again.status == 200, "\(write.name): \(again)")
                    outcomes[write.name]?.taken.append(number)
                }
                outcomes[write.name]?.refused = []
            }

            try await desk.crash()
            try await check(writes, outcomes)
            let agent = try await desk.admin("GET", "/agents/b").json
            #expect(agent["metrics"]?["cpu"] == 77 && agent["last_heartbeat_at"] != .null)
            #expect(try await desk.admin("GET", "/tasks/late").json["status"] == "failed")
            let alerts = try await all(desk, "/alerts", "id")
            try await eventually("the webhook is told of \(alerts.count) alerts\n\(desk.daemon.tail)", within: 20) {
                alerts.isSubset(of: hook.requests.compactMap { (try? JSON(parsing: $0.body))?["id"] })
            }
        }
    }

    /// Adds agents and tasks, and says what will be written.
    private func prepare(_ desk: AgentDesk) async throws -> [Write] {
        for id in ["a", "b"] { try await desk.add("/agents", ["id": .string(id), "baseUrl": .string(desk.taker.url)]) }
        try await desk.add("/manifests", ["role": "full", "version": "1", "content": ["large": Self.text(400)]])
        var made: [String] = []
        for number in 0...Self.receipts {
            made.append(try await desk.taskToken(["agentId": "a", "taskId": .string("t\(number)")]))
        }
        let tokens = made
        let token = try await desk.token(of: "a")
        return [
            Write(name: "event", most: 400) { number in
                let body: JSON = ["message": Self.name(number), "payload": ["x": Self.text(60)]]
                return try await desk.agent("POST", "/tasks/t0/events", as: tokens[0], body.text())
            } shown: {
                try await all(desk, "/tasks/t0/events", "message")
            },
            Write(name: "alert", most: 400) { number in
                let body: JSON = ["type": "t", "message": Self.name(number), "payload": ["x": Self.text(60)]]
                return try await desk.agent("POST", "/agents/a/alerts", as: token, body.text())
            } shown: {
                try await all(desk, "/alerts", "message")
            },
            Write(name: "task", most: 100) { number in
                let body: JSON = ["agentId": "a", "taskId": Self.name(number), "manifestId": 1]
                return try await desk.admin("POST", "/tasks?push=\(number % 2 == 1)", body.text())
            } shown: {
                try await all(desk, "/tasks", "id")
            },
            Write(name: "agent", most: 100) { number in
                let body: JSON = ["id": Self.name(number), "config": ["x": Self.text(400)]]
                return try await desk.admin("POST", "/agents", body.text())
            } shown: {
                try await all(desk, "/agents", "id")
            },
            Write(name: "change", most: 100, isChange: true) { number in
                let body: JSON = ["role": Self.name(number), "config": ["x": Self.text(400)]]
                return try await desk.admin("PUT", "/agents/a", body.text())
            } shown: {
                [try await desk.admin("GET", "/agents/a").json["role"] ?? .null]
            },
            Write(name: "receipt", most: Self.receipts) { number in
                let body: JSON = ["summary": Self.name(number), "x": Self.text(400)]
                return try await desk.agent(
                    "POST", "/tasks/t\(number + 1)/complete", as: tokens[number + 1], body.text())
            } shown: {
                var shown: Set<JSON> = []
                for number in 1...Self.receipts {
                    let task = try await desk.admin("GET", "/tasks/t\(number)").json
                    guard task["status"] == "success" else { continue }
                    shown.insert(task["resultPayload"]?["summary"] ?? .null)
                }
                return shown
            },
        ]
    }

    private static func name(_ number: Int) -> JSON { .string("n\(number)") }

    /// Sends one thing after the other until some were refused.
    private static func fillUp(_ write: Write) async throws -> Outcome {
        var outcome = Outcome()
        for number in 0..<write.most where outcome.refused.count < refusals {
            let answer = try await write.send(number)
            guard answer.status != 200 else {
                outcome.taken.append(number)
                continue
            }
            outcome.refused.append(number)
            #expect([503, 507].contains(answer.status), "\(write.name): \(answer)")
            #expect(answer["retry-after"].flatMap { Int($0) } ?? 0 > 0, "\(write.name): \(answer)")
            let code = answer.json["detail"]
            #expect(code == "STORAGE_FULL" || code == "STORAGE_UNAVAILABLE", "\(write.name): \(answer)")
        }
        #expect(outcome.refused.count == refusals, "\(write.name): the disk was never full: \(outcome)")
        return outcome
    }

    private func check(_ writes: [Write], _ outcomes: [String: Outcome]) async throws {
        for write in writes {
            let outcome = outcomes[write.name] ?? Outcome()
            let taken = Set(outcome.taken.map(Self.name))
            let shown = try await write.shown()
            if write.isChange {
                #expect(shown == [outcome.taken.last.map(Self.name) ?? .null], "\(write.name): \(outcome): \(shown)")
            } else {
                #expect(taken.isSubset(of: shown), "\(write.name): \(outcome): \(shown)")
                #expect(shown.isDisjoint(with: outcome.refused.map(Self.name)), "\(write.name): \(outcome): \(shown)")
            }
        }
    }

    /// Whether the daemon says that what it does by itself fails: it names the first of what failed when it was last tried.
    private func isTrouble(_ desk: AgentDesk) async throws -> Bool {
        let text = try await desk.daemon.admin.get("/health").text
        return ["expiry", "heartbeats"].contains { text.contains($0) }
    }
}

/// A key of all that a list has.
private func all(_ desk: AgentDesk, _ path: String, _ key: String) async throws -> Set<JSON> {
    var values: Set<JSON> = []
    for offset in stride(from: 0, through: Int.max, by: 50) {
        let page = try await desk.admin("GET", "\(path)?limit=50&offset=\(offset)").json.arrayValue ?? []
        values.formUnion(page.map { $0[key] ?? .null })
        if page.count < 50 { break }
    }
    return values
}
