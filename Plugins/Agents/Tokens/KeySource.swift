import PluginAPI
internal import Synchronization

/// The keys in use: those of the configuration, or of a file that is read again while the plugin runs.
final class KeySource: Sendable {
    /// Where keys come from.
    enum Origin: Sendable {
        /// Given with the configuration.
        case given([KeyRing.Entry])
        /// Kept in a file by the operator.
        case file(KeyFile)
        /// Kept in a file that is made at the first start.
        case generated(KeyFile)
    }

    /// How often a file of keys is read again.
    static let interval = Duration.seconds(2)

    private struct State {
        var ring: KeyRing?
        /// What the last reading gave: a file is believed when it is the same twice, since it may be half written.
        var read: KeyRing?
        /// What was wrong at the last reading: it is told once, not with each reading.
        var problem: String?
    }

    private let origin: Origin
    private let defaultID: String?
    private let context: PluginContext
    private let state = Mutex(State())

    /// Knows where the keys are; nothing is read yet.
    init(_ origin: Origin, defaultID: String?, context: PluginContext) {
        self.origin = origin
        self.defaultID = defaultID
        self.context = context
    }

    /// The keys.
    ///
    /// - Throws: ``HTTPError`` 503 before ``load()``.
    var current: KeyRing {
        get throws(HTTPError) {
            if let ring = state.withLock({ $0.ring }) { return ring }
            throw HTTPError(.serviceUnavailable, "agents.no_keys", "The keys for tokens are not loaded.")
        }
    }

    /// Reads the keys, and makes one at the first start.
    ///
    /// - Throws: ``KeyRingProblem``.
    func load() async throws {
        if case .generated(let file) = origin {
            let secret = Secret(Base64.encodeURL(context.cryptography.randomBytes(32)))
            try await context.blocking.run {
                if !file.exists { try file.create(KeyRing.Entry(id: "default", secret: secret)) }
            }
        }
        let ring = try await read()
        state.withLock { ($0.ring, $0.read) = (ring, ring) }
        await warnOfReaders()
    }

    /// Reads a file of keys again; one that cannot be used is reported, and the keys stay as they are.
    ///
    /// A file that is gone is not made anew: the keys in use are those that agents' tokens were signed with.
    func reload() async {
        if case .given = origin { return }
        do {
            let ring = try await read()
            let isChanged = state.withLock { state in
                defer { (state.read, state.problem) = (ring, nil) }
                guard state.ring != ring, state.read == ring else { return false }
                state.ring = ring
                return true
            }
            guard isChanged else { return }
            let ids = ring.entries.map(\.id).joined(separator: " ")
            context.logger.notice("keys for tokens changed", ["keys": ids, "signing": ring.signing.id])
        } catch {
            let words = "\(error)"
            let isNew = state.withLock { state in
                defer { (state.read, state.problem) = (nil, words) }
                return state.problem != words
            }
            if isNew { context.logger.error("the keys for tokens cannot be read again", ["error": words]) }
        }
    }

    private func read() async throws -> KeyRing {
        let defaultID = defaultID
        switch origin {
        case .given(let entries): return try KeyRing(entries, defaultID: defaultID)
        case .file(let file), .generated(let file):
            return try await context.blocking.run { try KeyRing(file.read(), defaultID: defaultID) }
        }
    }

    private func warnOfReaders() async {
        switch origin {
        case .given: return
        case .file(let file), .generated(let file):
            guard (try? await context.blocking.run { file.isOpenToOthers }) == true else { return }
            context.logger.warning("the file of keys can be read by other users", ["path": file.path])
        }
    }
}
