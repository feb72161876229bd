import Host
import PluginAPI
import Synchronization
import Testing

/// A clock that a test moves by hand.
final class HandClock: TimeSource {
    private let passed = Mutex<Int64>(0)

    var now: Instant { Instant(nanoseconds: 1_000_000_000_000 + passed.withLock { $0 }) }
    var wallClock: Timestamp { Timestamp(milliseconds: 1_700_000_000_000 + passed.withLock { $0 } / 1_000_000) }
    func sleep(for duration: Duration) async throws { move(by: duration) }

    func move(by duration: Duration) {
        passed.withLock { $0 += duration.inNanoseconds }
    }
}

/// A key store over a fresh database.
func withKeys<T>(
    _ body: (APIKeyStore, SQLiteDatabase, HandClock) async throws -> T
) async throws -> T {
    try await withDatabase { database in
        let clock = HandClock()
        try await Migrator(database: database, time: clock).run(plugin: HostSchema.plugin, HostSchema.migrations)
        return try await body(APIKeyStore(database: database, time: clock), database, clock)
    }
}

/// A request with these header fields.
func authRequest(_ headers: HTTPFields, from address: String = "192.0.2.1") -> Request {
    Request(id: "r1", method: .get, target: "/", headers: headers, remoteAddress: address)
}

/// The HTTP error that a body throws.
func httpError(_ body: () async throws -> Void) async -> HTTPError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? HTTPError
    }
}

extension Secret {
    var exposed: String { withExposed { $0 } }
}
