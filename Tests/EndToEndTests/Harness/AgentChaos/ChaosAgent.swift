import Glibc
import PluginAPI
import PluginTestKit
import Synchronization

/// An agent in a run of chaos: it takes tasks in all the ways there are, and sends heartbeats and alerts meanwhile.
final class ChaosAgent: Sendable {
    /// Its id.
    let id: String
    /// Where it is pushed to.
    var url: String { standIn.url }
    /// How many pushes it got.
    var pushes: Int { standIn.pushes }
    private let seed: UInt64
    private let ledger: AgentLedger
    private let standIn: StandInAgent

    private static let manners: [StandInAgent.Manner] = [
        .works, .repeats, .repeats, .contradicts, .contradicts, .fails, .fails, .busy, .diesHalfway, .answersNever,
    ]
    /// What it may be told of a task: its token ended, was revoked or ended with the task, or it may not talk.
    private static let refusals: Set = [
        "AGENT_TOKEN_EXPIRED", "AGENT_TOKEN_PAYLOAD_MISMATCH", "AGENT_NOT_ALLOWED", "AGENT_TASK_EXPIRED",
    ]

    /// - Throws: ``ProbeError``.
    init(_ id: String, seed: UInt64, _ ledger: AgentLedger) throws(ProbeError) {
        let random = Shared(seed: seed)
        (self.id, self.seed, self.ledger) = (id, seed, ledger)
        standIn = try StandInAgent { call in
            Self.note(call, ledger)
            // Work takes some time, so that much happens in its midst.
            usleep(random.number(in: 0..<80_000))
        }
        pick = { Self.manners[Int(random.number(in: 0..<UInt32(Self.manners.count)))] }
    }

    private let pick: @Sendable () -> StandInAgent.Manner

    /// Numbers for all its threads.
    private final class Shared: Sendable {
        private let random: Mutex<SeededRandom>

        init(seed: UInt64) {
            random = Mutex(SeededRandom(seed: seed))
        }

        func number(in range: Range<UInt32>) -> UInt32 {
            random.withLock { UInt32.random(in: range, using: &$0) }
        }
    }

    /// Takes tasks.
    func open(_ desk: AgentDesk) {
        standIn.behaves(port: desk.daemon.port, pick)
    }

    /// Sends heartbeats and alerts until the run is over.
    func live(_ desk: AgentDesk) async throws {
        var random = SeededRandom(seed: seed ^ 0xA6E7)
        let token = try await desk.token(of: id)
        while !ledger.isOver {
            try await Task.sleep(for: .milliseconds(Int.random(in: 50..<500, using: &random)))
            if Int.random(in: 0..<3, using: &random) == 0 {
                // Whatever it says of itself, the administrator's word counts.
                let words = ["busy", "idle", "disabled"]
                let beat: JSON = ["cpu": 35, "status": .string(words.randomElement(using: &random) ?? "")]
                let answer = try? await desk.agent("POST", "/agents/\(id)/heartbeat", as: token, beat.text())
                _ = ledger.judge("heartbeat of \(id)", answer, ["AGENT_NOT_ALLOWED"])
            } else {
                await alert(desk, token, &random)
            }
        }
    }

    private func alert(_ desk: AgentDesk, _ token: String, _ random: inout SeededRandom) async {
        let number = Int.random(in: 0..<(Bool.random(using: &random) ? 2 : 1_000_000), using: &random)
        let key = AgentLedger.AlertKey(agentID: id, type: "disk_low", message: "disk \(number)")
        let body: JSON = ["type": .string(key.type), "message": .string(key.message), "payload": ["n": 1]]
        ledger.note { $0.alerts[key, default: AgentLedger.Tally()].sent += 1 }
        let answer = try? await desk.agent("POST", "/agents/\(id)/alerts", as: token, body.text())
        guard let row = ledger.judge("alert of \(id)", answer, ["AGENT_NOT_ALLOWED"]) else { return }
        guard row["status"] == "ok", let number = row["id"]?.intValue, let count = row["count"]?.intValue else {
            return ledger.note { $0.wrong.append("alert: \(row)") }
        }
        ledger.note { state in
            state.alerts[key]?.taken += 1
            state.counts[number] = max(count, state.counts[number] ?? 0)
        }
    }

    /// Notes what was answered within a push.
    private static func note(_ call: StandInAgent.Call, _ ledger: AgentLedger) {
        guard let json = ledger.judge(call.path, call.answer, refusals) else { return }
        let parts = call.path.split(separator: "/").map(String.init)
        guard parts.count == 5, parts[2] == "tasks" else { return }
        if parts[4] == "events" {
            guard let id = json["id"]?.intValue, let message = json["message"]?.stringValue else {
                return ledger.note { $0.wrong.append("event: \(json)") }
            }
            return ledger.note {
                $0.events.append(AgentLedger.Event(taskID: parts[3], id: id, message: message))
            }
        }
        ledger.saw(json)
        guard AgentLedger.finalStates.contains(json["status"]?.stringValue ?? "") else {
            return ledger.note { $0.wrong.append("a receipt left a task open: \(json)") }
        }
    }
}
