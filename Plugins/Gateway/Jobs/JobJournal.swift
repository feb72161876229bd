import ComfyUI
import PluginAPI
import Synchronization

/// Changes of a job's state that nobody waits for.
struct JobTransition: Sendable {
    /// The job after the last change.
    var job: Job
    /// When that happened.
    var time: Timestamp
    /// All changes, in order.
    var events: [JobEvent]
    /// Workers that may still have it.
    var copies: [JobCopy] = []
}

/// The end of a job, to be stored.
struct JobEnding: Sendable {
    /// The job as it has ended.
    let job: Job
    /// Its result, if it has one.
    let history: [UInt8]?
    /// The end.
    let event: JobEvent
    /// Workers that may still have it.
    let copies: [JobCopy]
    /// Earlier changes that are not on disk yet.
    let pending: JobTransition?
}

/// Writes changes of state in the background, many in one transaction.
///
/// What is lost at a crash is found out again from the worker, so nobody has to wait for these writes.
final class JobJournal: Sendable {
    private let store: JobStore
    private let clock: any TimeSource
    private let logger: Logger
    private let wakeup = Wakeup()
    private let waiting = Mutex<[String: JobTransition]>([:])
    private let turns = Turnstile()

    /// How long changes are gathered before they are written.
    private static let gathering = Duration.milliseconds(20)

    /// Makes an empty journal.
    init(store: JobStore, clock: any TimeSource, logger: Logger) {
        self.store = store
        self.clock = clock
        self.logger = logger
    }

    /// Notes a change; of several changes of one job only the last state is written, but all events.
    func record(_ job: Job, _ event: JobEvent, copy: JobCopy? = nil) {
        let isFirst = waiting.withLock { waiting in
            waiting[job.promptID, default: JobTransition(job: job, time: event.at, events: [])].add(job, event, copy)
            return waiting.count == 1
        }
        if isFirst { wakeup.set() }
    }

    /// Notes what became known of a job without a change of its state.
    func amend(_ job: Job) {
        let time = clock.wallClock
        waiting.withLock { $0[job.promptID, default: JobTransition(job: job, time: time, events: [])].job = job }
        wakeup.set()
    }

    /// Takes the changes of a job out, to be written with the next one.
    func take(_ promptID: String) -> JobTransition? {
        waiting.withLock { $0.removeValue(forKey: promptID) }
    }

    /// Puts back what was taken out and could not be written.
    func putBack(_ transition: JobTransition?) {
        guard let transition else { return }
        waiting.withLock { $0.merge([transition.job.promptID: transition]) { newer, older in newer.following(older) } }
        wakeup.set()
    }

    /// Writes until cancelled.
    func run() async {
        while !Task.isCancelled {
            await wakeup.wait()
            try? await clock.sleep(for: Self.gathering)
            guard !(await flush()) else { continue }
            try? await clock.sleep(for: .seconds(1))
            wakeup.set()
        }
    }

    /// Writes what is there now; afterwards all that was noted before the call is on disk.
    ///
    /// - Returns: false when that failed; the changes are kept.
    @discardableResult func flush() async -> Bool {
        // A batch that another call is writing counts too.
        await turns.pass { await write() }
    }

    private func write() async -> Bool {
        let batch = waiting.withLock { waiting in
            defer { waiting = [:] }
            return waiting
        }
        guard !batch.isEmpty else { return true }
        do {
            try await store.apply(Array(batch.values))
            return true
        } catch {
            waiting.withLock { $0.merge(batch) { newer, older in newer.following(older) } }
            logger.warning("job states not written", ["error": "\(error)"])
            return false
        }
    }
}

extension JobTransition {
    fileprivate mutating func add(_ job: Job, _ event: JobEvent, _ copy: JobCopy?) {
        self.job = job
        time = event.at
        events.append(event)
        if let copy { copies.append(copy) }
    }

    /// This change with the events of an older one before its own.
    fileprivate func following(_ older: JobTransition) -> JobTransition {
        var both = self
        both.events = older.events + events
        both.copies = older.copies + copies
        return both
    }
}
