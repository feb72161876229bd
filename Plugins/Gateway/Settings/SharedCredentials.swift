import ComfyUI
import PluginAPI
import Synchronization

/// The credentials for workers without a pair of their own: the saved pair, else the configured one.
final class SharedCredentials: Sendable {
    /// Where the pair in use comes from.
    private enum Origin: String {
        case settings, configuration, none
    }

    private let configured: CredentialParts
    private let saved = Mutex(CredentialParts())
    private let store: SettingsStore
    private let logger: Logger
    /// A change reads, compares and writes: one after the other.
    private let turns = Turnstile()

    /// Takes the configured parts; nothing is loaded yet.
    init(configured: CredentialParts, context: PluginContext) {
        self.configured = configured
        store = SettingsStore(database: context.database, secrets: context.secrets)
        logger = context.logger
    }

    /// Loads the saved parts.
    ///
    /// - Throws: ``DatabaseError``; what the sealing throws when the key was changed.
    func load() async throws {
        let parts = try await store.workerCredentials()
        saved.withLock { $0 = parts }
    }

    /// The pair in use now.
    var pair: BasicCredentials? { saved.withLock { $0 }.pair ?? configured.pair }

    /// Each part as it is shown: the saved one, else the configured one.
    var shown: CredentialParts {
        let saved = saved.withLock { $0 }
        return CredentialParts(
            username: saved.username.isEmpty ? configured.username : saved.username,
            password: saved.password.isEmpty ? configured.password : saved.password)
    }

    /// Saves parts, on disk first; `nil` leaves a part as it is, an empty one clears it.
    ///
    /// - Throws: ``DatabaseError``; what the sealing throws.
    func change(username: String?, password: Secret?) async throws {
        try await turns.pass {
            let before = saved.withLock { $0 }
            let after = CredentialParts(username: username ?? before.username, password: password ?? before.password)
            guard after != before else { return }
            try await store.save(after)
            saved.withLock { $0 = after }
            logger.notice("saved worker credentials changed", ["in_use": origin.rawValue])
        }
    }

    private var origin: Origin {
        if saved.withLock({ $0 }).pair != nil { return .settings }
        return configured.pair == nil ? .none : .configuration
    }
}
