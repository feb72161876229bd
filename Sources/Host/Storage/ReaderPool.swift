import PluginAPI
import Synchronization

/// A few threads that read, each with a connection of its own while it works.
final class ReaderPool: Sendable {
    private struct State {
        var isClosed = false
        var waiting = 0
        var reads = 0
        var idle: [Idle] = []
    }

    /// A connection that no thread uses now; taken out of the pool by exactly one.
    private struct Idle: @unchecked Sendable {
        let connection: SQLiteConnection
    }

    private let path: String
    private let settings: SQLiteSettings
    private let threads: BlockingPool
    private let state = Mutex(State())

    init(path: String, settings: SQLiteSettings) {
        self.path = path
        self.settings = settings
        threads = BlockingPool(name: "db-read", threads: settings.readers)
    }

    /// Takes a read, or says why not.
    func submit(_ work: any DatabaseWork) -> DatabaseError? {
        state.withLock { state in
            guard !state.isClosed else { return DatabaseError(.unavailable, "the database is closed") }
            guard state.waiting < settings.queueLimit else {
                return DatabaseError(.busy, "\(state.waiting) reads are waiting")
            }
            state.waiting += 1
            // Under the lock, so that nothing reaches the threads after they were told to end.
            threads.submit { self.serve(work) }
            return nil
        }
    }

    /// Reads answered, and reads that wait or run.
    var counts: (reads: Int, waiting: Int) {
        state.withLock { ($0.reads, $0.waiting) }
    }

    /// Refuses new reads, finishes those that wait and closes the connections; blocks.
    func shutDown() {
        state.withLock { $0.isClosed = true }
        threads.shutDown()
        state.withLock { $0.idle = [] }
    }

    private func serve(_ work: any DatabaseWork) {
        guard work.begin() else {
            state.withLock { $0.waiting -= 1 }
            return
        }
        var failure: (any Error)?
        do {
            try read(work)
        } catch {
            failure = error
        }
        state.withLock { state in
            state.waiting -= 1
            state.reads += 1
        }
        work.finish(failure)
    }

    private func read(_ work: any DatabaseWork) throws {
        let idle = state.withLock { $0.idle.popLast() }
        let connection = try idle?.connection ?? SQLiteConnection(path: path, role: .reader, settings: settings)
        try connection.run("BEGIN")
        let result = Result { try connection.withSession { try work.run(on: $0) } }
        if connection.isInTransaction { try connection.run("COMMIT") }
        // A connection that could not end its transaction is closed instead.
        let returned = Idle(connection: connection)
        state.withLock { $0.idle.append(returned) }
        try result.get()
    }
}
