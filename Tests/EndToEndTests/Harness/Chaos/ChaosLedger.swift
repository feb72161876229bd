import Synchronization

/// What the clients were told, and what they had to do for it.
final class ChaosLedger: Sendable {
    /// A job whose submission was acknowledged.
    struct Entry: Sendable {
        let job: ChaosPlan.Job
        /// `nil` until it is known: a job with a priority has its own id first.
        var promptID: String?
        let gatewayJobID: String?
        /// When the answer arrived, in milliseconds since 1970.
        let time: Int
    }

    /// Figures of a run.
    struct Counts: Sendable {
        /// Requests that were sent and not answered.
        var lostAnswers = 0
        /// Those of them that could be taken for another job when sent again.
        var anonymousRepeats = 0
        /// Attempts to connect while the daemon was gone.
        var refusedConnections = 0
        /// Answers 503.
        var refusals = 0
        var serverKills = 0
        /// Servers that hung or were out of reach for a while.
        var passingFaults = 0
        var daemonKills = 0
    }

    private struct State {
        var entries: [Entry] = []
        var wrong: [String] = []
        var counts = Counts()
    }

    private let state = Mutex(State())

    var entries: [Entry] { state.withLock { $0.entries } }
    /// Answers that no client should get.
    var wrongAnswers: [String] { state.withLock { $0.wrong } }
    var counts: Counts { state.withLock { $0.counts } }

    func acknowledge(_ entry: Entry) {
        state.withLock { $0.entries.append(entry) }
    }

    func note(wrong answer: String) {
        state.withLock { $0.wrong.append(answer) }
    }

    func count(_ counter: any WritableKeyPath<Counts, Int> & Sendable) {
        state.withLock { $0.counts[keyPath: counter] += 1 }
    }
}
