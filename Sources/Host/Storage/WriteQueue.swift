import PluginAPI
import Synchronization

/// The writes that wait, and the thread that commits them in groups.
///
/// While one group's commit waits for the disk the next group gathers, so the number of commits does not limit the number of writes.
final class WriteQueue: Sendable {
    private struct State {
        var waiting = WorkQueue()
        var isIdle = false
        var isClosing = false
        var isClosed = false
        var closers: [CheckedContinuation<Void, Never>] = []
        var statistics = SQLiteStatistics()
        var failure: DatabaseError?
    }

    private let settings: SQLiteSettings
    private let logger: Logger
    private let state = Mutex(State())
    private let wake = Semaphore()
    private let thread = Mutex<WorkerThread?>(nil)

    init(settings: SQLiteSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    /// Starts the thread; `cleanUp` runs on it after the last write, `afterwards` when the connection is closed.
    func start(
        _ connection: sending SQLiteConnection, cleanUp: @escaping @Sendable () -> Void,
        afterwards: @escaping @Sendable () -> Void
    ) {
        let box = ConnectionBox(connection)
        let worker = WorkerThread(name: "db-write") {
            self.serve(box, cleanUp)
            box.connection = nil
            afterwards()
            self.markClosed()
        }
        thread.withLock { $0 = worker }
    }

    /// Takes a write, or says why not.
    func submit(_ work: any DatabaseWork) -> DatabaseError? {
        let (error, mustWake): (DatabaseError?, Bool) = state.withLock { state in
            guard !state.isClosing else { return (DatabaseError(.unavailable, "the database is closed"), false) }
            guard state.waiting.count < settings.queueLimit else {
                return (DatabaseError(.busy, "\(state.waiting.count) writes are waiting"), false)
            }
            state.waiting.append(work)
            defer { state.isIdle = false }
            return (nil, state.isIdle)
        }
        if mustWake { wake.signal() }
        return error
    }

    /// What was done so far.
    var statistics: SQLiteStatistics {
        state.withLock { state in
            var statistics = state.statistics
            statistics.waitingWrites = state.waiting.count
            return statistics
        }
    }

    /// Why the last commit failed; `nil` when it did not.
    var failure: DatabaseError? { state.withLock { $0.failure } }

    /// Refuses new writes, and ends the thread after those that wait.
    func requestClose() {
        let mustWake = state.withLock { state in
            state.isClosing = true
            defer { state.isIdle = false }
            return state.isIdle
        }
        if mustWake { wake.signal() }
    }

    /// As ``requestClose()``, and waits until the connection is closed.
    func close() async {
        requestClose()
        await withCheckedContinuation { continuation in
            let isClosed = state.withLock { state in
                if !state.isClosed { state.closers.append(continuation) }
                return state.isClosed
            }
            if isClosed { continuation.resume() }
        }
        thread.withLock { thread in
            defer { thread = nil }
            return thread
        }?.join()
    }
}

// MARK: - On the thread

extension WriteQueue {
    private func serve(_ box: ConnectionBox, _ cleanUp: () -> Void) {
        guard let connection = box.connection else { return }
        serve(connection)
        cleanUp()
        // Fails while another process uses the log; then that one copies it.
        try? connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
    }

    /// Tells those who wait for the end.
    private func markClosed() {
        let closers = state.withLock { state in
            state.isClosed = true
            defer { state.closers = [] }
            return state.closers
        }
        for closer in closers { closer.resume() }
    }

    private func serve(_ connection: SQLiteConnection) {
        while true {
            if let work = next() {
                commitGroup(startingWith: work, on: connection)
                continue
            }
            let (mustWait, isOver) = state.withLock { state in
                guard state.waiting.isEmpty else { return (false, false) }
                state.isIdle = !state.isClosing
                return (state.isIdle, state.isClosing)
            }
            if isOver { return }
            // Whoever finds the thread idle signals once.
            if mustWait { wake.wait() }
        }
    }

    /// The next write that was not cancelled.
    private func next() -> (any DatabaseWork)? {
        while let work = state.withLock({ $0.waiting.popFirst() }) {
            if work.begin() { return work }
        }
        return nil
    }

    private func commitGroup(startingWith first: any DatabaseWork, on connection: SQLiteConnection) {
        let waitingBefore = state.withLock { $0.waiting.count }
        var group = [first]
        var failed = 0
        do {
            try connection.run("BEGIN IMMEDIATE")
        } catch {
            // The others have waited as long for the same lock.
            for _ in 0..<waitingBefore {
                if let work = state.withLock({ $0.waiting.popFirst() }), work.begin() { group.append(work) }
            }
            finish(group, failed: 0, error: error)
            return
        }
        do {
            try gather(&group, &failed, on: connection)
            try connection.run(group.isEmpty ? "ROLLBACK" : "COMMIT")
            finish(group, failed: failed, error: nil)
        } catch {
            if connection.isInTransaction { try? connection.run("ROLLBACK") }
            // Copied into the file, the log starts over, and what is deleted to make room needs no room of its own.
            if (error as? DatabaseError)?.reason == .full { try? connection.run("PRAGMA wal_checkpoint(PASSIVE)") }
            finish(group, failed: failed, error: error)
        }
    }

    /// Runs the group's writes and those that arrive meanwhile; a write that fails alone is answered and taken out.
    ///
    /// - Throws: the error that ended the transaction and so undid the whole group.
    private func gather(
        _ group: inout [any DatabaseWork], _ failed: inout Int, on connection: SQLiteConnection
    ) throws {
        let deadline = MonotonicClock.now.advanced(by: settings.groupBudget)
        var upcoming = group.popLast()
        while let work = upcoming {
            do {
                try apply(work, on: connection)
                group.append(work)
            } catch {
                guard connection.isInTransaction else {
                    group.append(work)
                    throw error
                }
                failed += 1
                work.finish(error)
            }
            let isFull = group.count >= settings.groupLimit || MonotonicClock.now >= deadline
            upcoming = isFull ? nil : next()
        }
    }

    /// Runs one write in its own savepoint.
    private func apply(_ work: any DatabaseWork, on connection: SQLiteConnection) throws {
        try connection.run("SAVEPOINT one")
        do {
            try connection.withSession { try work.run(on: $0) }
            if connection.hasUnresolvedForeignKeys {
                throw DatabaseError(.constraint, "FOREIGN KEY constraint failed")
            }
        } catch {
            if connection.isInTransaction {
                try undo(on: connection)
            }
            throw error
        }
        guard connection.isInTransaction else {
            throw DatabaseError(.full, "the transaction was ended by an error that the write ignored")
        }
        try connection.run("RELEASE one")
    }

    private func undo(on connection: SQLiteConnection) throws {
        do {
            try connection.run("ROLLBACK TO one")
            try connection.run("RELEASE one")
        } catch {
            // What the failed write did cannot be told apart any more: none of the group may be committed.
            try? connection.run("ROLLBACK")
            throw error
        }
    }

    private func finish(_ group: [any DatabaseWork], failed: Int, error: (any Error)?) {
        let failure = error.map { $0 as? DatabaseError ?? DatabaseError(.io, "\($0)") }
        let previous = state.withLock { state in
            state.statistics.failedWrites += failed
            if error != nil {
                state.statistics.failedCommits += 1
            } else if !group.isEmpty {
                state.statistics.commits += 1
                state.statistics.writes += group.count
                state.statistics.lastGroup = group.count
                state.statistics.largestGroup = max(state.statistics.largestGroup, group.count)
            }
            defer { if error != nil || !group.isEmpty { state.failure = failure } }
            return state.failure
        }
        if let failure, previous?.reason != failure.reason {
            logger.error("the database takes no writes", ["reason": "\(failure.reason)", "message": failure.message])
        } else if failure == nil, previous != nil, !group.isEmpty {
            logger.notice("the database takes writes again")
        }
        for work in group { work.finish(error) }
    }
}

/// Carries the connection to the thread, the only one that touches it from then on.
private final class ConnectionBox: @unchecked Sendable {
    var connection: SQLiteConnection?

    init(_ connection: SQLiteConnection) {
        self.connection = connection
    }
}
