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

    private let origin: Origin
    private let defaultID: String?
    private let context: PluginContext
    private let ring = Mutex<KeyRing?>(nil)
    /// What was wrong at the last reading: it is told once, not with each reading.
    private let problem = Mutex<String?>(nil)

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
            if let ring = ring.withLock({ $0 }) { return ring }
            throw HTTPError(.serviceUnavailable, "agents.no_keys", "The keys for tokens are not loaded.")
        }
    }

    /// Reads the keys, and makes one at the first start.
    ///
    /// - Throws: ``KeyRingProblem``.
    func load() async throws {
        let defaultID = defaultID
        let loaded: KeyRing
        switch origin {
        case .given(let entries): loaded = try KeyRing(entries, defaultID: defaultID)
        case .file(let file): loaded = try await context.blocking.run { try KeyRing(file.read(), defaultID: defaultID) }
        case .generated(let file):
            let secret = Secret(Base64.encodeURL(context.cryptography.randomBytes(32)))
            loaded = try await context.blocking.run {
                try file.create(KeyRing.Entry(id: "default", secret: secret))
                return try KeyRing(file.read(), defaultID: defaultID)
            }
        }
        let isChanged = ring.withLock { ring in
            defer { ring = loaded }
            return ring.map { $0 != loaded } ?? false
        }
        if isChanged {
            let ids = loaded.entries.map(\.id).joined(separator: " ")
            context.logger.notice("keys for tokens changed", ["keys": ids, "signing": loaded.signing.id])
        }
    }

    /// Reads a file of keys again; one that cannot be used is reported, and the keys stay as they are.
    func reload() async {
        if case .given = origin { return }
        do {
            try await load()
            problem.withLock { $0 = nil }
        } catch {
            let words = "\(error)"
            let isNew = problem.withLock { problem in
                defer { problem = words }
                return problem != words
            }
            if isNew { context.logger.error("the keys for tokens cannot be read again", ["error": words]) }
        }
    }
}
