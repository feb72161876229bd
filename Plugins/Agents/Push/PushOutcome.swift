import PluginAPI

/// What came of a push (`spec/agents.md` §5).
enum PushOutcome: Sendable, Equatable {
    /// The agent took the task.
    case accepted(Status)
    /// It works on another one.
    case busy
    /// It will never take it.
    case refused(Status)
    /// Any other status; a redirect is one, since nothing is followed.
    case status(Status)
    /// Nothing of the task reached it.
    case unreachable
    /// It has the task, or part of it, and did not answer.
    case unanswered
    /// It is where tasks must not go.
    case forbidden

    /// Judges an answer.
    init(_ status: Status) {
        switch status.code {
        case 200..<300: self = .accepted(status)
        case 409: self = .busy
        case 401, 403, 422: self = .refused(status)
        default: self = .status(status)
        }
    }

    /// Judges a request without an answer.
    init(_ error: HTTPClientError) {
        switch error.reason {
        // An address that the client cannot read is as little one to push to.
        case .addressRefused, .invalidURL: self = .forbidden
        default: self = error.mayHaveBeenProcessed ? .unanswered : .unreachable
        }
    }

    /// What it does to the task.
    var happening: TaskState.Happening {
        switch self {
        case .accepted: .accepted
        case .refused: .refused
        case .busy, .status, .unreachable, .unanswered, .forbidden: .notAccepted
        }
    }

    /// The status of the agent's answer; `nil` when it gave none.
    var status: Status? {
        switch self {
        case .accepted(let status), .refused(let status), .status(let status): status
        case .busy: .conflict
        case .unreachable, .unanswered, .forbidden: nil
        }
    }

    /// What the task says of it, `errorMessage`.
    var errorMessage: String? {
        switch self {
        case .accepted: nil
        case .busy: "AGENT_BUSY"
        case .refused(let status), .status(let status): "AGENT_HTTP_\(status.code)"
        case .unreachable: AgentCode.pushFailed.rawValue
        case .unanswered: "AGENT_PUSH_TIMEOUT"
        case .forbidden: AgentCode.targetRefused.rawValue
        }
    }

    /// The error that the caller gets; `nil` for an answer.
    ///
    /// - Parameter hasReported: Whether the agent reported about the task meanwhile: it works inside the push, and often for
    ///   longer than the push may take.
    func failure(hasReported: Bool) -> AgentCode? {
        switch self {
        case .accepted, .busy: nil
        case .refused, .status: .pushFailed
        case .unreachable, .unanswered: hasReported ? nil : .pushFailed
        case .forbidden: .targetRefused
        }
    }

    /// What the caller is told of a push that failed; no address, and nothing that the agent said.
    var words: String? {
        switch self {
        case .refused(let status), .status(let status): "The agent answered with status \(status.code)."
        case .unreachable: "The agent could not be reached; the log says why."
        case .unanswered: "The agent was sent the task and gave no answer."
        case .accepted, .busy, .forbidden: nil
        }
    }

    /// Whether another push might do better.
    var mayPass: Bool {
        switch self {
        case .busy, .unreachable, .unanswered: true
        case .status(let status): status.code >= 500 || status.code == 408 || status.code == 429
        case .accepted, .refused, .forbidden: false
        }
    }

    /// The word for the metric.
    var label: String {
        switch self {
        case .accepted: "accepted"
        case .busy: "busy"
        case .refused: "refused"
        case .status: "error"
        case .unreachable: "unreachable"
        case .unanswered: "unanswered"
        case .forbidden: "forbidden"
        }
    }
}
