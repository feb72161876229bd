import PluginAPI
import Synchronization

/// What all daemons of one server share.
final class ServerContext: Sendable {
    let limits: HTTPLimits
    let responder: any HTTPResponder
    let logger: Logger
    let files: BlockingPool
    let counters = ServerCounters()
    /// Set when answers must end their connections.
    let isDraining = Atomic<Bool>(false)

    init(limits: HTTPLimits, responder: any HTTPResponder, logger: Logger, files: BlockingPool) {
        self.limits = limits
        self.responder = responder
        self.logger = logger
        self.files = files
    }
}
