import PluginAPI

/// The words of the gateway's surface for the state of a task (`spec/gateway.md` §5, `spec/errors.md` §5).
enum TaskStatus: String, CaseIterable {
    /// It waits, here or at a worker.
    case queued
    /// A worker works on it.
    case running
    /// It ended well.
    case done
    /// It ended otherwise.
    case failed
    /// Its worker does not answer.
    case unknown

    /// The word for a state.
    ///
    /// - Parameter isReachable: Whether its worker answers.
    init(_ state: JobState, isReachable: Bool) {
        switch state {
        case .done: self = .done
        case .failed, .cancelled, .lost: self = .failed
        case .submitted where !isReachable, .running where !isReachable: self = .unknown
        case .running: self = .running
        default: self = .queued
        }
    }

    /// The word of a gateway job (`spec/gateway.md` §4), where a worker that does not answer still has the job.
    ///
    /// - Parameter worker: Its worker.
    static func word(ofGatewayJob state: JobState, worker: WorkerPool.Member?) -> String {
        switch state {
        case .dispatching, .submitted, .running:
            guard let worker, !worker.worker.isRemoved else { return unknown.rawValue }
            return state == .running && worker.health.isHealthy ? running.rawValue : "submitted"
        default:
            return TaskStatus(state, isReachable: true).rawValue
        }
    }
}
