import PluginAPI

/// The codes of seeds 000 §6–8 and 001 (`spec/errors.md` §2).
enum AgentCode: String, Sendable, CaseIterable {
    /// No Bearer token.
    case tokenRequired = "AGENT_TOKEN_REQUIRED"
    /// The token cannot be read, or its signature is wrong.
    case tokenInvalid = "AGENT_TOKEN_INVALID"
    /// The token's time is over.
    case tokenExpired = "AGENT_TOKEN_EXPIRED"
    /// There are several keys and the token names none.
    case kidRequired = "AGENT_TOKEN_KID_REQUIRED"
    /// The token names a key that is not there.
    case kidInvalid = "AGENT_TOKEN_KID_INVALID"
    /// The token lacks a claim.
    case payloadInvalid = "AGENT_TOKEN_PAYLOAD_INVALID"
    /// The token is for something else than the request says.
    case payloadMismatch = "AGENT_TOKEN_PAYLOAD_MISMATCH"
    /// The token may not do this.
    case scopeInvalid = "AGENT_TOKEN_SCOPE_INVALID"
    /// No such agent.
    case agentNotFound = "AGENT_NOT_FOUND"
    /// The id is taken.
    case agentExists = "AGENT_ALREADY_EXISTS"
    /// A change names another id than the one of the agent.
    case idImmutable = "AGENT_ID_IMMUTABLE"
    /// The agent is not on the white list, is disabled, or is not the one of the token.
    case agentNotAllowed = "AGENT_NOT_ALLOWED"
    /// A task of the agent is running.
    case hasRunningTask = "AGENT_HAS_RUNNING_TASK"
    /// There is no address to push to.
    case baseURLMissing = "AGENT_BASE_URL_MISSING"
    /// The daemon may not push to that address.
    case targetRefused = "AGENT_PUSH_TARGET_REFUSED"
    /// No such manifest.
    case manifestNotFound = "AGENT_MANIFEST_NOT_FOUND"
    /// The manifest is not the one of the token's task.
    case manifestForbidden = "AGENT_MANIFEST_FORBIDDEN"
    /// The role has a manifest of this version.
    case manifestExists = "AGENT_MANIFEST_EXISTS"
    /// No such task.
    case taskNotFound = "AGENT_TASK_NOT_FOUND"
    /// The task is not the token's, or not the agent's.
    case taskForbidden = "AGENT_TASK_FORBIDDEN"
    /// The task's time is over.
    case taskExpired = "AGENT_TASK_EXPIRED"
    /// The id is that of another task.
    case taskExists = "AGENT_TASK_ALREADY_EXISTS"
    /// The task has ended.
    case taskFinished = "AGENT_TASK_FINISHED"
    /// The agent did not take the task.
    case pushFailed = "AGENT_PUSH_FAILED"
    /// The agent sends too much.
    case rateLimited = "AGENT_RATE_LIMITED"
    /// No plugin takes alerts.
    case alertsDisabled = "ALERTS_DISABLED"

    /// The status of the answer.
    var status: Status {
        switch self {
        case .tokenRequired, .tokenInvalid, .tokenExpired, .kidRequired, .kidInvalid, .payloadInvalid: .unauthorized
        case .payloadMismatch, .scopeInvalid, .agentNotAllowed, .manifestForbidden, .taskForbidden: .forbidden
        case .agentNotFound, .manifestNotFound, .taskNotFound: .notFound
        case .agentExists, .hasRunningTask, .manifestExists, .taskExpired, .taskExists, .taskFinished: .conflict
        case .idImmutable, .baseURLMissing, .targetRefused: .badRequest
        case .pushFailed: .badGateway
        case .rateLimited: .tooManyRequests
        case .alertsDisabled: .serviceUnavailable
        }
    }

    /// A sentence for people.
    var message: String {
        switch self {
        case .tokenRequired: "An agent's token is needed."
        case .tokenInvalid: "The token is not valid."
        case .tokenExpired: "The token has expired."
        case .kidRequired: "The token must name its key."
        case .kidInvalid: "The token names an unknown key."
        case .payloadInvalid: "The token lacks a claim."
        case .payloadMismatch: "The token is for something else."
        case .scopeInvalid: "The token's scope does not allow this."
        case .agentNotFound: "There is no such agent."
        case .agentExists: "An agent has this id."
        case .idImmutable: "The id of an agent cannot be changed."
        case .agentNotAllowed: "The agent is not allowed."
        case .hasRunningTask: "A task of the agent is running; force=true deletes all the same."
        case .baseURLMissing: "The agent has no baseUrl to push to."
        case .targetRefused: "The agent's baseUrl is not an address that tasks may be pushed to."
        case .manifestNotFound: "There is no such manifest."
        case .manifestForbidden: "The manifest is not that of the token's task."
        case .manifestExists: "The role has a manifest of this version."
        case .taskNotFound: "There is no such task."
        case .taskForbidden: "The task is not that of the token."
        case .taskExpired: "The task has expired."
        case .taskExists: "Another task has this id."
        case .taskFinished: "The task has ended."
        case .pushFailed: "The agent did not take the task."
        case .rateLimited: "The agent sends too much; try again later."
        case .alertsDisabled: "This deployment does not take alerts: the plugin alerts is off."
        }
    }
}

extension HTTPError {
    /// An error of the agents' surfaces.
    init(_ code: AgentCode, cause: (any Error)? = nil) {
        self.init(code.status, code.rawValue, code.message, cause: cause)
    }

    /// Whether this is the error of a code.
    func has(_ code: AgentCode) -> Bool { self.code == code.rawValue }
}
