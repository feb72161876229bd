import PluginAPI
import Synchronization

/// A database whose writes and reads a test can delay or refuse.
final class FaultyDatabase: Database {
    private let base: any Database
    private let state = Mutex<(isBroken: Bool, delay: Duration, waiting: Int)>((false, .zero, 0))

    init(_ base: any Database) {
        self.base = base
    }

    var dialect: SQLDialect { base.dialect }

    /// Whether everything fails, as with a full disk.
    var isBroken: Bool {
        get { state.withLock { $0.isBroken } }
        set { state.withLock { $0.isBroken = newValue } }
    }

    /// How long each write waits before it begins; not cut short by cancellation.
    var writeDelay: Duration {
        get { state.withLock { $0.delay } }
        set { state.withLock { $0.delay = newValue } }
    }

    /// How many writes wait to begin.
    var waiting: Int { state.withLock { $0.waiting } }

    func read<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T {
        if isBroken { throw DatabaseError(.io, "broken by the test") }
        return try await base.read(body)
    }

    func write<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T {
        let delay = writeDelay
        if delay > .zero {
            state.withLock { $0.waiting += 1 }
            await Task { try? await Task.sleep(for: delay) }.value
            state.withLock { $0.waiting -= 1 }
        }
        if isBroken { throw DatabaseError(.full, "broken by the test") }
        return try await base.write(body)
    }
}
