import PluginAPI
import Synchronization

/// What agents, administrators and a webhook were told in a run of chaos, to be compared with what is there in the end.
final class AgentLedger: Sendable {
    /// What is known of a task.
    struct Tale: Sendable {
        /// Whether somebody was told that it exists.
        var isThere = false
        /// The ends that it was seen to have; another one is right only after it began anew.
        var ends: [String] = []
        /// Whether its time is over soon.
        var isShort = false

        /// Whether it was seen to end well.
        var hasSuccess: Bool { ends.contains { $0.hasPrefix("\"success\"") } }
    }

    /// An event that was answered.
    struct Event: Sendable {
        let taskID: String
        let id: Int
        let message: String
    }

    /// What makes alerts the same.
    struct AlertKey: Hashable, Sendable {
        let agentID: String
        let type: String
        let message: String
    }

    /// How often an alert was sent, and how often that was answered.
    struct Tally: Sendable {
        var sent = 0
        var taken = 0
    }

    /// What an administrator decided of an agent.
    struct Decision: Equatable, Sendable {
        let name: String
        let isAllowed: Bool
        let isDisabled: Bool
    }

    /// What was told.
    struct State: Sendable {
        var tasks: [String: Tale] = [:]
        var events: [Event] = []
        var alerts: [AlertKey: Tally] = [:]
        /// The highest count that was answered for each row of alerts.
        var counts: [Int: Int] = [:]
        /// The alerts that an administrator saw to.
        var seenTo: Set<Int> = []
        /// What may be true of each agent: the last that was answered, and what was sent since.
        var decisions: [String: [Decision]] = [:]
        /// Answers that nobody should get.
        var wrong: [String] = []
        /// How often each answer came; `none` for those that never did.
        var answers: [String: Int] = [:]
        /// Whether all that comes is ended: nobody begins anything.
        var isOver = false
    }

    private let state = Mutex(State())
    /// Whether plugins are switched off and on, and answers say so.
    private let isSwitched: Bool

    init(isSwitched: Bool) {
        self.isSwitched = isSwitched
    }

    /// All of it.
    var now: State { state.withLock { $0 } }
    /// Whether nobody begins anything any more.
    var isOver: Bool { state.withLock { $0.isOver } }

    /// Changes it.
    func note(_ body: (inout State) -> Void) {
        state.withLock { body(&$0) }
    }

    /// Counts an answer, and notes it if it is one that nobody should get.
    ///
    /// - Returns: The body when the answer is 200.
    func judge(_ what: String, _ answer: HTTPAnswer?, _ codes: Set<String>) -> JSON? {
        let code = answer?.json["detail"]?.stringValue ?? ""
        state.withLock { $0.answers[answer.map { "\($0.status) \(code)" } ?? "none", default: 0] += 1 }
        guard let answer, answer.status != 200 else { return answer?.json }
        let isRight = codes.contains(code) || isSwitched && Self.saysOff(answer, code)
        if !isRight { state.withLock { $0.wrong.append("\(what): \(answer)") } }
        return nil
    }

    /// Notes a task as somebody was shown it.
    func saw(_ task: JSON) {
        guard let id = task["id"]?.stringValue, let status = task["status"]?.stringValue else {
            return note { $0.wrong.append("no task: \(task)") }
        }
        let end = Self.end(of: task)
        note { state in
            state.tasks[id, default: Tale()].isThere = true
            guard Self.finalStates.contains(status), state.tasks[id]?.ends.contains(end) == false else { return }
            state.tasks[id]?.ends.append(end)
        }
    }

    /// The states that a task does not leave by itself.
    static let finalStates: Set = ["success", "failed", "rejected"]

    /// All that says how a task ended.
    static func end(of task: JSON) -> String {
        ["status", "finishedAt", "errorMessage", "resultPayload"].map { (task[$0] ?? .null).text() }
            .joined(separator: " ")
    }

    /// Whether an answer says that a plugin is off, or about to be.
    private static func saysOff(_ answer: HTTPAnswer, _ code: String) -> Bool {
        switch answer.status {
        case 404: !code.hasPrefix("AGENT")
        case 503: ["AGENTS_DISABLED", "ALERTS_DISABLED", "PLUGIN_DRAINING"].contains(code)
        default: false
        }
    }
}
