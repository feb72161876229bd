import Glibc
import PluginAPI
import PluginTestKit

/// One of the administrators in a run of chaos, who make, push, cancel and revoke each other's tasks, and decide about their own agents.
struct ChaosAdministrator {
    private let number: Int
    private let desk: AgentDesk
    private let ledger: AgentLedger
    private let agents: [String]
    /// The agents of which nobody else decides.
    private let own: [String]
    private var random: SeededRandom
    private var made = 0

    private static let refusals: Set = ["AGENT_NOT_ALLOWED", "AGENT_TASK_FINISHED", "AGENT_TASK_EXPIRED"]
    private static let failedPush: Set = ["AGENT_PUSH_FAILED"]

    init(_ number: Int, of count: Int, seed: UInt64, _ desk: AgentDesk, _ ledger: AgentLedger, agents: [String]) {
        (self.number, self.desk, self.ledger, self.agents) = (number, desk, ledger, agents)
        own = stride(from: number, to: agents.count, by: count).map { agents[$0] }
        random = SeededRandom(seed: seed ^ UInt64(0xAD_0000 + number))
    }

    /// Works until the run is over.
    mutating func work() async throws {
        while !ledger.isOver {
            try await Task.sleep(for: .milliseconds(Int.random(in: 5..<60, using: &random)))
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<4: try await make()
            case 4..<7: try await change("push", Self.refusals.union(Self.failedPush))
            case 7: try await change("cancel", Self.refusals)
            case 8: try await change("revoke", [])
            case 9: try await seeTo()
            default: await decide()
            }
        }
    }

    /// Makes a task; what is not answered is sent again, because the id makes it the same.
    private mutating func make() async throws {
        made += 1
        let isShort = Int.random(in: 0..<4, using: &random) == 0
        let seconds = isShort ? Int.random(in: 1..<5, using: &random) : 3600
        let end = Timestamp(milliseconds: Int64(time(nil) + seconds) * 1000)
        let id = "t-\(number)-\(made)"
        let body: JSON = [
            "agentId": .string(agents.randomElement(using: &random) ?? ""), "taskId": .string(id), "manifestId": 1,
            "actions": ["sync_models"], "expiresAt": .string(end.iso8601),
        ]
        let isPushed = Int.random(in: 0..<4, using: &random) > 0
        ledger.note { $0.tasks[id, default: AgentLedger.Tale()].isShort = isShort }
        var answer: HTTPAnswer?
        while answer == nil, !ledger.isOver, time(nil) < end.milliseconds / 1000 {
            answer = try? await desk.admin("POST", "/tasks?push=\(isPushed)", body.text())
            if answer == nil { try await Task.sleep(for: .milliseconds(50)) }
            // Sent when its time was just over; this clock may be some milliseconds late.
            if answer?.status == 422, time(nil) + 1 >= end.milliseconds / 1000 { return }
        }
        if let task = ledger.judge("make \(id)", answer, Self.refusals.union(Self.failedPush)) { ledger.saw(task) }
        // Whose push failed exists all the same.
        if answer?.json["taskId"] == .string(id) { ledger.note { $0.tasks[id]?.isThere = true } }
    }

    /// Does something to a task of which somebody was told that it exists.
    private mutating func change(_ verb: String, _ codes: Set<String>) async throws {
        // Mostly of those that something can still happen to.
        let takesAll = Int.random(in: 0..<4, using: &random) == 0
        let known = ledger.now.tasks.filter { $0.value.isThere && (takesAll || !$0.value.hasSuccess) }
        guard let id = known.keys.sorted().randomElement(using: &random) else { return }
        let answer = try? await desk.admin("POST", "/tasks/\(id)/\(verb)")
        let json = ledger.judge("\(verb) \(id)", answer, codes)
        if let json, verb != "push" { ledger.saw(json) }
        if let task = try? await desk.admin("GET", "/tasks/\(id)"), task.status == 200 { ledger.saw(task.json) }
    }

    /// Acknowledges an alert.
    private mutating func seeTo() async throws {
        guard let id = ledger.now.counts.keys.sorted().suffix(20).randomElement(using: &random) else { return }
        let answer = try? await desk.admin("POST", "/alerts/\(id)/ack")
        guard let row = ledger.judge("ack \(id)", answer, []) else { return }
        ledger.note { state in
            if row["acknowledged_at"]?.stringValue == nil { state.wrong.append("ack: \(row)") }
            state.seenTo.insert(id)
        }
    }

    private mutating func decide() async {
        guard let agent = own.randomElement(using: &random) else { return }
        let word = Int.random(in: 0..<16, using: &random)
        let decision = AgentLedger.Decision(
            name: "\(agent) \(Int.random(in: 0..<1_000_000, using: &random))", isAllowed: word != 0,
            isDisabled: word == 1)
        let body: JSON = [
            "name": .string(decision.name), "allowed": .bool(decision.isAllowed),
            "status": decision.isDisabled ? "disabled" : "active",
        ]
        ledger.note { $0.decisions[agent, default: []].append(decision) }
        let answer = try? await desk.admin("PUT", "/agents/\(agent)", body.text())
        if ledger.judge("PUT \(agent)", answer, []) != nil { ledger.note { $0.decisions[agent] = [decision] } }
    }
}
