import ComfyUI
import PluginAPI
import Synchronization

/// Takes jobs, hands them to workers, follows them, and keeps their results: all that happens to a job happens here.
///
/// A job is on disk before its caller gets an answer, and assigned to a worker on disk before anything is sent there.
/// So after a crash at any moment the worker can be asked about it by its id, and it ends exactly once.
final class JobEngine: Sendable {
    let registry: WorkerRegistry
    let store: JobStore
    let journal: JobJournal
    let table: JobTable
    let waiting = WaitingJobs()
    let cache: ResultCache
    let configuration: GatewayConfiguration
    let context: PluginContext
    let metrics: GatewayMetrics
    /// Wakes the dispatcher.
    let dispatchWakeup: Wakeup
    /// How many waiting jobs are being handed over now.
    let handovers = Atomic(0)
    /// Workers that may still have jobs which were taken from them.
    let copies = JobCopies()
    /// Finds prompts that are unknown here.
    let foreign: ForeignPrompts

    private let accepting = Mutex((isOpen: true, inFlight: 0))
    private let idle = Wakeup()
    private let identity = Mutex("")
    private let lastSequence = Atomic<Int64>(0)

    /// Makes an engine; nothing is loaded yet.
    init(
        registry: WorkerRegistry, configuration: GatewayConfiguration, context: PluginContext, metrics: GatewayMetrics,
        dispatchWakeup: Wakeup
    ) {
        self.dispatchWakeup = dispatchWakeup
        self.registry = registry
        self.configuration = configuration
        self.context = context
        self.metrics = metrics
        store = JobStore(database: context.database)
        journal = JobJournal(store: store, clock: context.clock, logger: context.logger)
        foreign = ForeignPrompts(registry: registry, clock: context.clock, logger: context.logger)
        cache = ResultCache(limit: configuration.resultCache.bytes)
        table = JobTable { [pool = registry.pool, dispatchWakeup] change, workerID in
            pool.count(change, on: workerID)
            if change < 0 { dispatchWakeup.set() }
        }
        registry.attach(table)
    }

    var pool: WorkerPool { registry.pool }
    /// Our client id towards workers; there from ``load()`` on.
    var clientID: String { identity.withLock { $0 } }
    /// The next arrival number.
    func nextSequence() -> Int64 { lastSequence.add(1, ordering: .relaxed).newValue }

    /// Takes up the jobs that had not ended when the daemon stopped.
    ///
    /// Those that a worker has, or may have, are compared with that worker as soon as it answers.
    ///
    /// - Throws: ``DatabaseError``.
    func load() async throws {
        let clientID = ClientIdentity.load(from: context.dataDirectory)
        identity.withLock { $0 = clientID }
        lastSequence.store(try await store.lastSequence(), ordering: .relaxed)
        copies.add(try await store.copies())
        let jobs = try await store.openJobs()
        table.reserve(jobs.count)
        // One text for all jobs of a caller.
        var callers: Set<String> = []
        for var job in jobs {
            job.caller = callers.insert(job.caller).memberAfterInsert
            takeUp(job)
        }
        if !jobs.isEmpty { context.logger.notice("unfinished jobs taken up", ["jobs": "\(jobs.count)"]) }
        dispatchWakeup.set()
    }

    private func takeUp(_ job: Job) {
        var live = LiveJob(job)
        if job.workerID.map({ pool[$0] == nil }) ?? true {
            // There is nobody to ask about it.
            live.leaveWorker()
            live.job.state = .queued
            live.job.workerID = nil
        } else if let start = job.startedAt {
            setDeadline(&live, executedSince: start)
        }
        guard table.insert(live), live.job.state == .queued else { return }
        waiting.add(WaitingEntry(live.job))
    }

    /// How long a drain waits for workers that are being handed jobs.
    private static let drainPatience = Duration.seconds(3)

    /// Refuses new jobs, waits for those being handed over, sends followers away, and writes what is not yet on disk.
    ///
    /// A worker that does not answer is not waited for long: the next process looks for the job there.
    func drain() async {
        let inFlight = accepting.withLock { state in
            state.isOpen = false
            return state.inFlight
        }
        if inFlight > 0 {
            await idle.wait(atMost: Self.drainPatience, clock: context.clock)
            if accepting.withLock({ $0.inFlight }) > 0 {
                registry.submits.interrupt()
                await idle.wait()
            }
        }
        table.closeFollowers()
        await journal.flush()
    }

    /// Whether the daemon ends.
    var isDraining: Bool { accepting.withLock { !$0.isOpen } }

    /// Runs a submission unless the engine drains.
    func whileAccepting<T>(_ body: () async throws -> T) async throws -> T {
        let isOpen = accepting.withLock { state in
            if state.isOpen { state.inFlight += 1 }
            return state.isOpen
        }
        guard isOpen else {
            throw HTTPError(
                .serviceUnavailable, "gateway.draining", "The gateway is shutting down.", headers: ["Retry-After": "5"])
        }
        defer {
            let isLast = accepting.withLock { state in
                state.inFlight -= 1
                return !state.isOpen && state.inFlight == 0
            }
            if isLast { idle.set() }
        }
        return try await body()
    }

    /// 503 `gateway.no_worker`.
    static var noWorker: HTTPError {
        HTTPError(
            .serviceUnavailable, "gateway.no_worker", "No ComfyUI worker can be used now.",
            headers: ["Retry-After": "5"])
    }

    var now: Instant { context.clock.now }
}

// MARK: - Transitions

extension JobEngine {
    /// Moves a job to a state that is not final, if the state machine allows it and the change agrees.
    ///
    /// The change must leave the job alone when it returns false.
    ///
    /// - Parameter copy: A worker that may still have the job.
    /// - Returns: the job after the move; `nil` when nothing changed.
    @discardableResult
    func move(
        _ promptID: String, to next: JobState, _ cause: JobCause, copy: JobCopy? = nil,
        _ change: (inout LiveJob) -> Bool = { _ in true }
    ) -> Job? {
        let moved: Job? =
            table.update(promptID) { live -> Job? in
                guard JobStateMachine.allows(live.job.state, to: next), change(&live) else { return nil }
                live.job.state = next
                live.isAccepted = true
                return live.job
            } ?? nil
        guard let moved else { return nil }
        let event = JobEvent(moved, at: context.clock.wallClock, cause)
        journal.record(moved, event, copy: copy)
        announce(event)
        return moved
    }

    /// Tells followers and the log of a transition.
    func announce(_ event: JobEvent) {
        log(event)
        tellState(of: event.promptID)
    }

    /// Tells followers of the state of a job.
    func tellState(of promptID: String) {
        table.tell(promptID) { table[promptID].map { .state(describe($0)) } }
    }

    /// Tells the log of a transition.
    func log(_ event: JobEvent) {
        context.logger.info(
            "job \(event.state.rawValue)",
            [
                "prompt.id": event.promptID, "worker.id": event.workerID ?? "", "actor": event.cause.actor,
                "reason": event.cause.reason,
            ])
    }
}
