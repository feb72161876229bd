import Glibc
import PluginAPI
import Synchronization

/// A few threads for calls that block, such as reading files; started when first needed.
package final class BlockingPool: BlockingThreads {
    private struct State {
        var queue: [@Sendable () -> Void] = []
        var threads: [WorkerThread] = []
        var idle = 0
        var isClosed = false
    }

    private let name: String
    private let limit: Int
    private let state = Mutex(State())
    private let work = Semaphore()

    /// Makes a pool of at most `threads` threads.
    package init(name: String = "blocking", threads: Int) {
        self.name = name
        limit = max(1, threads)
    }

    /// Runs a body on one of the threads and returns what it returns.
    ///
    /// - Throws: what the body throws; `CancellationError` when the threads were told to end.
    package func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            let isTaken = submit { continuation.resume(with: Result(catching: body)) }
            if !isTaken { continuation.resume(throwing: CancellationError()) }
        }
    }

    /// Runs a body on one of the threads; false, and never, when they were told to end.
    @discardableResult
    package func submit(_ body: @escaping @Sendable () -> Void) -> Bool {
        let isTaken = state.withLock { state in
            guard !state.isClosed else { return false }
            state.queue.append(body)
            if state.idle < state.queue.count, state.threads.count < limit {
                state.threads.append(WorkerThread(name: name) { self.serve() })
            }
            return true
        }
        if isTaken { work.signal() }
        return isTaken
    }

    /// Finishes what is queued and ends the threads.
    package func shutDown() {
        let threads = state.withLock { state in
            state.isClosed = true
            return state.threads
        }
        for _ in threads { work.signal() }
        for thread in threads { thread.join() }
    }

    private func serve() {
        while true {
            state.withLock { $0.idle += 1 }
            work.wait()
            let (body, isClosed) = state.withLock { state in
                state.idle -= 1
                return (state.queue.isEmpty ? nil : state.queue.removeFirst(), state.isClosed)
            }
            if let body { body() } else if isClosed { return }
        }
    }
}

/// A counting semaphore for threads.
package final class Semaphore: Sendable {
    // sem_t lives at one address for as long as this object; it is made to be used from many threads.
    private nonisolated(unsafe) let semaphore: UnsafeMutablePointer<sem_t>

    package init(value: UInt32 = 0) {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, value)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    /// Lets one waiter go on.
    package func signal() {
        sem_post(semaphore)
    }

    /// Waits for a signal.
    package func wait() {
        while sem_wait(semaphore) != 0, errno == EINTR {}
    }
}
