import PluginAPI
import Testing

/// What must be true of tasks, agents and alerts when the chaos is over.
struct AgentChaosCheck: Sendable {
    private let chaos: AgentChaos
    private let told: AgentLedger.State

    init(_ chaos: AgentChaos) {
        self.chaos = chaos
        told = chaos.ledger.now
    }

    private var desk: AgentDesk { chaos.desk }
    private var seed: String { "seed \(chaos.seed)" }

    /// Checks everything, on a daemon that has been killed once more: what was told lasts.
    func all() async throws {
        #expect(told.wrong.isEmpty, "\(seed): \(told.wrong.count): \(told.wrong.prefix(3))")
        try await eventually("\(seed): tasks whose time is over have ended", within: 20) {
            for (id, tale) in told.tasks where tale.isShort && tale.isThere {
                guard AgentLedger.finalStates.contains(try await task(id)["status"]?.stringValue ?? "") else {
                    return false
                }
            }
            return true
        }
        try await desk.crash()
        var anew = 0
        for (id, tale) in told.tasks where tale.isThere { anew += try await check(id, tale) }
        try await decisions()
        let rows = try await alerts()
        try await webhook(Set(rows.keys))
        summary(anew: anew, rows: rows.count)
    }

    private func task(_ id: String) async throws -> JSON {
        let answer = try await desk.admin("GET", "/tasks/\(id)")
        try #require(answer.status == 200, "\(seed): \(id) is gone: \(answer)")
        return answer.json
    }

    /// Checks a task and its events; gives how often it began anew.
    private func check(_ id: String, _ tale: AgentLedger.Tale) async throws -> Int {
        let task = try await task(id)
        let events = try await desk.admin("GET", "/tasks/\(id)/events?limit=200").json.arrayValue ?? []
        try #require(events.count < 200, "\(seed): \(id) has too many events to see them all")
        for event in told.events where event.taskID == id {
            let stored = events.first { $0["id"]?.intValue == event.id }
            #expect(stored?["message"] == .string(event.message), "\(seed): event \(event) of \(events)")
        }
        #expect(Set(events.map { $0["id"]?.intValue }).count == events.count, "\(seed): \(id): \(events)")
        let anew = events.count { $0["message"]?.stringValue?.hasPrefix("pushed again after ") == true }
        let isFinal = AgentLedger.finalStates.contains(task["status"]?.stringValue ?? "")
        let ends = Set(tale.ends + (isFinal ? [AgentLedger.end(of: task)] : []))
        // One end for each time that it began; whoever saw an end sees the same one ever after.
        #expect(ends.count <= anew + (isFinal ? 1 : 0), "\(seed): \(id) began anew \(anew) times: \(ends)\n\(task)")
        if let success = ends.first(where: { $0.hasPrefix("\"success\"") }) {
            #expect(AgentLedger.end(of: task) == success, "\(seed): \(id) ended otherwise: \(task)")
        }
        #expect(isFinal == (task["finishedAt"] != .null), "\(seed): \(task)")
        return anew
    }

    private func decisions() async throws {
        for (id, possible) in told.decisions {
            let agent = try await desk.admin("GET", "/agents/\(id)").json
            let decision = AgentLedger.Decision(
                name: agent["name"]?.stringValue ?? "", isAllowed: agent["allowed"] == true,
                isDisabled: agent["status"] == "disabled")
            #expect(possible.contains(decision), "\(seed): \(agent), and not one of \(possible)")
        }
    }

    /// Checks the alerts; gives them by their ids.
    private func alerts() async throws -> [Int: JSON] {
        var rows: [Int: JSON] = [:]
        var target = "/alerts?limit=200"
        while true {
            let page = try await desk.admin("GET", target).json.arrayValue ?? []
            for row in page { rows[row["id"]?.intValue ?? 0] = row }
            guard let last = page.last?["id"]?.intValue else { break }
            target = "/alerts?limit=200&before_id=\(last)"
        }
        var counts: [AgentLedger.AlertKey: Int] = [:]
        for row in rows.values {
            let text = { (key: String) in row[key]?.stringValue ?? "" }
            let key = AgentLedger.AlertKey(agentID: text("agentId"), type: text("alertType"), message: text("message"))
            counts[key, default: 0] += row["count"]?.intValue ?? 0
        }
        for (key, tally) in told.alerts {
            let count = counts[key] ?? 0
            #expect((tally.taken...tally.sent).contains(count), "\(seed): \(key): \(count), told \(tally)")
        }
        for (id, count) in told.counts {
            let stored = rows[id]?["count"]?.intValue ?? 0
            #expect(stored >= count, "\(seed): alert \(id) was told to count \(count): \(stored)")
        }
        for id in told.seenTo { #expect(rows[id]?["acknowledged_at"]?.stringValue != nil, "\(seed): \(id)") }
        return rows
    }

    private func webhook(_ ids: Set<Int>) async throws {
        let missing = { ids.subtracting(chaos.receiver.told) }
        try await eventually("\(seed): the webhook is told of \(missing())\n\(desk.daemon.tail)", within: 20) {
            missing().isEmpty
        }
    }

    private func summary(anew: Int, rows: Int) {
        let ends = told.tasks.values.reduce(0) { $0 + $1.ends.count }
        let taken = told.alerts.values.reduce(0) { $0 + $1.taken }
        #expect(told.events.count > 10 && ends > 5 && taken > 10, "\(seed): too little happened: \(told.answers)")
        let answers = told.answers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        print(
            """
            agents' chaos: \(seed), \(told.tasks.count) tasks with \(ends) ends seen, \(anew) times begun anew, \
            \(told.events.count) events, \(taken) alerts in \(rows) rows, \(chaos.receiver.missed) messages missed by the webhook; \
            answers: \(answers.joined(separator: ", "))
            """)
    }
}
