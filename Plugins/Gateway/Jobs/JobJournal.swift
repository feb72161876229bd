import PluginAPI
import Synchronization

/// A change of a job's state that nobody waits for.
struct JobTransition: Sendable {
    /// The job after the change.
    var job: Job
    /// When it happened.
    var time: Timestamp
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

    /// How long changes are gathered before they are written.
    private static let gathering = Duration.milliseconds(20)

    /// Makes an empty journal.
    init(store: JobStore, clock: any TimeSource, logger: Logger) {
        self.store = store
        self.clock = clock
        self.logger = logger
    }

    /// Notes a change; of several changes of one job only the last is written.
    func record(_ job: Job) {
        let transition = JobTransition(job: job, time: clock.wallClock)
        let isFirst = waiting.withLock { waiting in
            waiting[job.promptID] = transition
            return waiting.count == 1
        }
        if isFirst { wakeup.set() }
    }

    /// Drops the changes of a job that has ended.
    func forget(_ promptID: String) {
        waiting.withLock { _ = $0.removeValue(forKey: promptID) }
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

    /// Writes what is there now.
    ///
    /// - Returns: false when that failed; the changes are kept.
    @discardableResult func flush() async -> Bool {
        let batch = waiting.withLock { waiting in
            defer { waiting = [:] }
            return waiting
        }
        guard !batch.isEmpty else { return true }
        do {
            try await store.apply(Array(batch.values))
            return true
        } catch {
            waiting.withLock { $0.merge(batch) { newer, _ in newer } }
            logger.warning("job states not written", ["error": "\(error)"])
            return false
        }
    }
}
