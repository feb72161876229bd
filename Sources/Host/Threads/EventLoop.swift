import CLinux
import Glibc
import PluginAPI
import Synchronization

/// One thread with one epoll set: sockets, timers and Swift tasks that prefer it (DESIGN §2).
///
/// Everything but ``execute(_:)``, ``enqueue(_:)`` and ``stop()`` is called on the loop's own thread; handlers,
/// timers and turns run there too, one at a time. Nothing on it may block.
// The unchecked conformance holds because all mutable state but `inbox` is confined to the loop's thread.
package final class EventLoop: TaskExecutor, @unchecked Sendable {
    /// Called with the ready `EPOLL…` events of a descriptor.
    package typealias Handler = (_ events: UInt32) -> Void

    private struct Inbox {
        var jobs: [UnownedJob] = []
        var bodies: [@Sendable () -> Void] = []
        var isStopping = false
    }

    private struct Watch {
        let generation: UInt32
        let handler: Handler
    }

    /// A number for logs, from 0.
    package let index: Int

    private let epoll: Int32
    private let wakeup: Int32
    private let inbox = Mutex(Inbox())
    private let threadID = Atomic<UInt>(0)
    private var localJobs: [UnownedJob] = []
    private var watches: [Int32: Watch] = [:]
    private var generation: UInt32 = 0
    private var timers = TimerHeap()
    private var participants: [any LoopParticipant] = []

    /// Makes a loop; ``run()`` makes it live.
    package init(index: Int) {
        self.index = index
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeup = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        precondition(epoll >= 0 && wakeup >= 0, "the process has no descriptors left for an event loop")
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u64 = UInt64(UInt32(bitPattern: wakeup))
        epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup, &event)
    }

    deinit {
        close(epoll)
        close(wakeup)
    }

    /// The loop whose thread this is, if any.
    package static var current: EventLoop? {
        guard let pointer = pthread_getspecific(LoopThreadKey.shared.key) else { return nil }
        return Unmanaged<EventLoop>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// Whether the caller is on the loop's thread.
    package var isCurrent: Bool {
        threadID.load(ordering: .relaxed) == UInt(pthread_self())
    }

    /// Runs a body on the loop soon; from any thread.
    package func execute(_ body: @escaping @Sendable () -> Void) {
        let wasEmpty = inbox.withLock { inbox in
            defer { inbox.bodies.append(body) }
            return inbox.jobs.isEmpty && inbox.bodies.isEmpty
        }
        if wasEmpty { wake() }
    }

    /// Takes a piece of a task that prefers this loop; from any thread.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            localJobs.append(job)
            return
        }
        let wasEmpty = inbox.withLock { inbox in
            defer { inbox.jobs.append(job) }
            return inbox.jobs.isEmpty && inbox.bodies.isEmpty
        }
        if wasEmpty { wake() }
    }

    /// Makes ``run()`` return; from any thread.
    package func stop() {
        inbox.withLock { $0.isStopping = true }
        wake()
    }

    private func wake() {
        var one: UInt64 = 1
        _ = write(wakeup, &one, 8)
    }
}

// MARK: - On the loop's thread

extension EventLoop {
    /// Watches a descriptor for events (`EPOLLIN`, `EPOLLOUT`, …), level-triggered; a descriptor has one watcher.
    package func watch(_ descriptor: Int32, events: UInt32, _ handler: @escaping Handler) {
        generation &+= 1
        let isNew = watches.updateValue(Watch(generation: generation, handler: handler), forKey: descriptor) == nil
        control(isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, events, generation)
    }

    /// Changes the events of a watched descriptor; no events pauses it (errors are still told).
    package func setEvents(_ events: UInt32, of descriptor: Int32) {
        guard let watch = watches[descriptor] else { return }
        control(EPOLL_CTL_MOD, descriptor, events, watch.generation)
    }

    /// Stops watching; call before the descriptor is closed.
    package func unwatch(_ descriptor: Int32) {
        guard watches.removeValue(forKey: descriptor) != nil else { return }
        control(EPOLL_CTL_DEL, descriptor, 0, 0)
    }

    private func control(_ operation: Int32, _ descriptor: Int32, _ events: UInt32, _ generation: UInt32) {
        var event = epoll_event()
        event.events = events
        event.data.u64 = UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
        if epoll_ctl(epoll, operation, descriptor, &event) != 0, operation == EPOLL_CTL_MOD, errno == ENOENT {
            // The descriptor was closed and its number given out again.
            epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
        }
    }

    /// Runs a body once after a delay.
    @discardableResult
    package func schedule(after delay: Duration, _ body: @escaping () -> Void) -> LoopTimer {
        let timer = LoopTimer(deadline: MonotonicClock.now.advanced(by: delay), body: body)
        timers.insert(timer)
        return timer
    }

    /// Adds something that takes a turn after each round of tasks.
    package func add(_ participant: any LoopParticipant) {
        participants.append(participant)
    }

    /// Removes a participant.
    package func remove(_ participant: any LoopParticipant) {
        participants.removeAll { $0 === participant }
    }

    /// Runs until ``stop()``; called once, on the thread that becomes the loop's.
    package func run() {
        threadID.store(UInt(pthread_self()), ordering: .relaxed)
        pthread_setspecific(LoopThreadKey.shared.key, Unmanaged.passUnretained(self).toOpaque())
        var events = [epoll_event](repeating: epoll_event(), count: 128)
        while !inbox.withLock({ $0.isStopping }) {
            let count = epoll_wait(epoll, &events, Int32(events.count), waitMilliseconds())
            dispatch(events.prefix(Int(max(0, count))))
            fireTimers()
            runTasks()
        }
        runTasks()
        pthread_setspecific(LoopThreadKey.shared.key, nil)
    }

    private func fireTimers() {
        if timers.isEmpty { return }
        let now = MonotonicClock.now
        while let body = timers.takeDue(until: now) { body() }
    }

    private func dispatch(_ ready: ArraySlice<epoll_event>) {
        for event in ready {
            let descriptor = Int32(bitPattern: UInt32(truncatingIfNeeded: event.data.u64))
            if descriptor == wakeup {
                var value: UInt64 = 0
                _ = read(wakeup, &value, 8)
                continue
            }
            // An earlier handler of this round may have closed the descriptor and opened another of that number.
            guard let watch = watches[descriptor], watch.generation == UInt32(event.data.u64 >> 32) else { continue }
            watch.handler(event.events)
        }
    }

    /// Runs tasks and turns until both are quiet, or for so many rounds that sockets must have a chance.
    private func runTasks() {
        for _ in 0..<64 {
            let (jobs, bodies) = inbox.withLock { inbox in
                defer {
                    inbox.jobs.removeAll(keepingCapacity: true)
                    inbox.bodies.removeAll(keepingCapacity: true)
                }
                return (inbox.jobs, inbox.bodies)
            }
            for body in bodies { body() }
            for job in jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
            let local = localJobs
            localJobs = []
            for job in local { job.runSynchronously(on: asUnownedTaskExecutor()) }
            for participant in participants { participant.takeTurn() }
            if localJobs.isEmpty, inbox.withLock({ $0.jobs.isEmpty && $0.bodies.isEmpty }) { return }
        }
    }

    /// Runs the tasks that were just enqueued on the loop's own thread.
    ///
    /// It lets a caller that started one go on
    /// with its outcome if it never really waited. For participants only: no task may run below it on the stack.
    package func runReadyTasks() {
        for _ in 0..<16 {
            if localJobs.isEmpty { return }
            let local = localJobs
            localJobs = []
            for job in local { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }

    private func waitMilliseconds() -> Int32 {
        if !localJobs.isEmpty { return 0 }
        var wait: Int32 = 60_000
        if let next = timers.next {
            let left = MonotonicClock.now.duration(to: next).inNanoseconds
            wait = min(wait, Int32(clamping: max(0, (left + 999_999) / 1_000_000)))
        }
        for participant in participants {
            guard let limit = participant.waitLimit else { continue }
            wait = min(wait, Int32(clamping: max(0, limit)))
        }
        return wait
    }
}

/// Something driven by a loop that is not just a descriptor, such as libmicrohttpd.
package protocol LoopParticipant: AnyObject {
    /// Called after each round of tasks; cheap when there is nothing to do.
    func takeTurn()
    /// The longest time the loop may sleep, in milliseconds; `nil` for any.
    var waitLimit: Int? { get }
}

/// The key under which a thread finds its loop.
private struct LoopThreadKey {
    static let shared = LoopThreadKey()
    let key: pthread_key_t

    init() {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        self.key = key
    }
}
