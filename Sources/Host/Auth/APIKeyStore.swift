package import PluginAPI
import Synchronization

/// The API keys in the database, those in use remembered for a moment.
package final class APIKeyStore: Sendable {
    private struct Cached {
        let key: APIKey
        let hash: [UInt8]
        let until: Instant
    }

    private struct State {
        var cache: [String: Cached] = [:]
        // Goes up with each change here, so that a look-up that began before it is not remembered.
        var generation: UInt64 = 0
        var used: [String: Timestamp] = [:]
        var lastFlush: Instant?
    }

    /// How long a key that another process revoked may still be accepted.
    package static let cacheTime: Duration = .seconds(1)
    /// How often the times of use are written.
    package static let usageInterval: Duration = .seconds(60)
    private static let cacheLimit = 1024

    private let database: any Database
    private let time: any TimeSource
    private let state = Mutex(State())

    /// Makes a store over a database that has ``HostSchema/migrations``.
    package init(database: any Database, time: any TimeSource = MonotonicClock()) {
        self.database = database
        self.time = time
    }

    /// Makes a key; its text is in the answer and nowhere else.
    ///
    /// - Throws: ``APIKeyProblems``.
    package func create(_ new: NewAPIKey) async throws -> IssuedAPIKey {
        try new.check()
        let text = APIKeyText()
        let now = time.wallClock
        let expiresAt = new.lifetime.map { now.advanced(by: $0) }
        let key = APIKey(
            id: text.id, name: new.name, prefix: text.prefix, scopes: new.scopes, createdAt: now,
            expiresAt: expiresAt, rateLimit: new.rateLimit)
        let hash = Hex.encode(text.hash)
        _ = try await database.write { connection in
            try connection.execute(
                """
                INSERT INTO comfyd_api_keys (id, name, prefix, hash, scopes, created_at, expires_at, rate_limit)
                VALUES (\(key.id), \(key.name), \(key.prefix), \(hash), \(key.scopes.joined(separator: " ")),
                \(key.createdAt), \(key.expiresAt), \(key.rateLimit))
                """)
        }
        return IssuedAPIKey(key: key, text: Secret(text.text))
    }

    /// All keys, also expired and revoked ones, the oldest first.
    package func list() async throws -> [APIKey] {
        try await database.read { try $0.all(Self.selection + " ORDER BY created_at, id", Self.key) }
    }

    /// A key by its id; `nil` when there is none.
    package func find(id: String) async throws -> APIKey? {
        try await database.read { try $0.first(Self.selection + " WHERE id = \(id)", Self.key) }
    }

    /// Refuses a key from now on; false when there is none with this id that was not revoked before.
    package func revoke(id: String) async throws -> Bool {
        let now = time.wallClock
        let result = try await database.write { connection in
            try connection.execute(
                "UPDATE comfyd_api_keys SET revoked_at = \(now) WHERE id = \(id) AND revoked_at IS NULL")
        }
        state.withLock { state in
            state.cache[id] = nil
            state.generation &+= 1
        }
        return result.changes > 0
    }
}

// MARK: - Checking keys

extension APIKeyStore {
    /// What a token turned out to be.
    package enum Check: Sendable, Equatable {
        /// It has not the form of a key.
        case notAKey
        /// It is a key that is accepted.
        case valid(APIKey)
        /// It has the form, but is unknown, expired or revoked.
        case invalid
    }

    /// Checks a key's text, and notes its use.
    ///
    /// - Throws: ``DatabaseError``.
    package func check(_ token: String) async throws -> Check {
        guard let text = APIKeyText(parsing: token) else { return .notAKey }
        guard let known = try await lookUp(text.id), ConstantTime.areEqual(known.hash, text.hash) else {
            return .invalid
        }
        let now = time.wallClock
        guard known.key.isValid(at: now) else { return .invalid }
        state.withLock { $0.used[known.key.id] = now }
        return .valid(known.key)
    }

    private func lookUp(_ id: String) async throws -> Cached? {
        let now = time.now
        let (cached, generation) = state.withLock { ($0.cache[id], $0.generation) }
        if let cached, now < cached.until { return cached }
        let found = try await database.read { connection in
            try connection.first(Self.selection + " WHERE id = \(id)") { row in
                (try Self.key(row), Array(try row.get("hash", as: String.self).utf8))
            }
        }
        guard let (key, digits) = found, let hash = Hex.decode(digits) else { return nil }
        let entry = Cached(key: key, hash: hash, until: now.advanced(by: Self.cacheTime))
        state.withLock { state in
            guard state.generation == generation else { return }
            if state.cache.count >= Self.cacheLimit { state.cache = state.cache.filter { now < $0.value.until } }
            if state.cache.count < Self.cacheLimit { state.cache[id] = entry }
        }
        return entry
    }

    /// Writes when keys were last used, at most once a minute unless `isLast`; the host calls this now and then and at its end.
    ///
    /// - Throws: ``DatabaseError``; the times are kept for the next call.
    package func flushUsage(isLast: Bool = false) async throws {
        let now = time.now
        let used: [String: Timestamp] = state.withLock { state in
            if !isLast, let last = state.lastFlush, now < last.advanced(by: Self.usageInterval) { return [:] }
            state.lastFlush = now
            defer { state.used = [:] }
            return state.used
        }
        guard !used.isEmpty else { return }
        do {
            try await database.write { connection in
                for (id, moment) in used {
                    try connection.execute(
                        """
                        UPDATE comfyd_api_keys SET last_used_at = \(moment)
                        WHERE id = \(id) AND (last_used_at IS NULL OR last_used_at < \(moment))
                        """)
                }
            }
        } catch {
            state.withLock { $0.used.merge(used) { newer, _ in newer } }
            throw error
        }
    }

    private static let selection: SQL = """
        SELECT id, name, prefix, hash, scopes, created_at, expires_at, revoked_at, last_used_at, rate_limit
        FROM comfyd_api_keys
        """

    private static func key(_ row: Row) throws -> APIKey {
        APIKey(
            id: try row.get("id"), name: try row.get("name"), prefix: try row.get("prefix"),
            scopes: try row.get("scopes", as: String.self).split(separator: " ").map(String.init),
            createdAt: try row.get("created_at"), expiresAt: try row.optional("expires_at"),
            revokedAt: try row.optional("revoked_at"), lastUsedAt: try row.optional("last_used_at"),
            rateLimit: try row.optional("rate_limit"))
    }
}
