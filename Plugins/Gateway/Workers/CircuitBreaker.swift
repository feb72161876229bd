import PluginAPI

/// Keeps jobs away from a worker that answers but fails at them.
///
/// Some failures in a row open it: nothing goes there. After a pause, which doubles each time, it is half open: the worker
/// gets one job. A look at a queue that succeeds proves nothing, so only that job closes it: once it has *ended* there, well
/// or not, by the worker's own report. That a worker takes a job, or begins it, is not enough, because one that dies of
/// every job does so too; and waiting for the end costs little, since a worker with one job is busy.
struct CircuitBreaker: Sendable, Equatable {
    /// What may go to the worker.
    enum State: String, Sendable {
        /// Everything.
        case closed
        /// One job at a time, as a probe.
        case halfOpen = "half_open"
        /// Nothing.
        case open
    }

    /// When it opens, and for how long.
    struct Limits: Sendable {
        /// How many failures in a row open it.
        var failures = 3
        /// The first pause; see ``CircuitBreaker/longestPause``.
        var pause = Duration.seconds(10)
    }

    /// The pauses grow up to this.
    static let longestPause = Duration.seconds(300)

    /// What may go to the worker now.
    private(set) var state = State.closed
    /// Failures in a row, up to now or to its opening.
    private(set) var failures = 0
    /// How long it stays open this time.
    private(set) var pause = Duration.zero

    private var openedAt: Instant?
    private var lastLoss: Instant?

    /// The worker could not take a job, by its own fault.
    mutating func failed(now: Instant, _ limits: Limits) {
        switch state {
        case .open: return
        case .halfOpen:
            failures += 1
            open(for: min(Self.longestPause, pause * 2), now)
        case .closed:
            failures += 1
            if failures >= limits.failures { open(for: min(Self.longestPause, limits.pause), now) }
        }
    }

    /// The worker lost a job.
    ///
    /// Jobs that it had when it lost another one are lost by the same misfortune, which counts once.
    ///
    /// - Parameter takenAt: When it took the job; `nil` when that is not known, for instance after a restart.
    mutating func lost(takenAt: Instant?, now: Instant, _ limits: Limits) {
        if let lastLoss, takenAt.map({ $0 < lastLoss }) ?? true { return }
        lastLoss = now
        guard state != .halfOpen || isProbe(takenAt) else { return }
        failed(now: now, limits)
    }

    /// A job has ended on the worker, well or not, by the worker's own report.
    mutating func ended(takenAt: Instant?) {
        switch state {
        case .closed: failures = 0
        case .halfOpen where isProbe(takenAt): self = CircuitBreaker()
        case .halfOpen, .open: return
        }
    }

    /// The worker answered a look at its queue: half open, once the pause is over.
    mutating func answered(now: Instant) {
        guard state == .open, let openedAt, openedAt.duration(to: now) >= pause else { return }
        state = .halfOpen
    }

    private mutating func open(for pause: Duration, _ now: Instant) {
        state = .open
        self.pause = pause
        openedAt = now
    }

    /// Whether a job was taken since it opened: only its probe was.
    private func isProbe(_ takenAt: Instant?) -> Bool {
        guard let takenAt, let openedAt else { return false }
        return takenAt > openedAt
    }
}

extension CircuitBreaker {
    /// As a number for the metrics: 0 closed, 1 half open, 2 open.
    var level: Double {
        switch state {
        case .closed: 0
        case .halfOpen: 1
        case .open: 2
        }
    }

    /// Writes its new state to the log.
    func log(of worker: Worker, to logger: Logger) {
        switch state {
        case .open:
            logger.warning(
                "circuit breaker open",
                [
                    "worker.id": worker.id, "worker.name": worker.name, "failures": "\(failures)",
                    "pause": pause.configText,
                ])
        case .halfOpen:
            logger.notice("circuit breaker half open", ["worker.id": worker.id, "worker.name": worker.name])
        case .closed:
            logger.notice("circuit breaker closed", ["worker.id": worker.id, "worker.name": worker.name])
        }
    }
}
