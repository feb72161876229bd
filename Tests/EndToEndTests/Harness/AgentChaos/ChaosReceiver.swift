import PluginAPI
import Synchronization

/// The receiver of a webhook in a run of chaos, which is down at times.
final class ChaosReceiver: Sendable {
    /// How it takes messages.
    enum Mood: Sendable {
        /// It does.
        case up
        /// It says that it is down for a second.
        case refuses
        /// It ends connections without an answer.
        case drops
    }

    private let state: Shared
    private let server: LocalServer

    private final class Shared: Sendable {
        let value = Mutex((mood: Mood.up, told: Set<Int>(), missed: 0))
    }

    /// - Throws: ``ProbeError``.
    init() throws(ProbeError) {
        let state = Shared()
        self.state = state
        server = try LocalServer { request in
            let id = (try? JSON(parsing: request.body))?["id"]?.intValue
            return state.value.withLock { value in
                switch value.mood {
                case .up:
                    if let id { value.told.insert(id) }
                    return LocalServer.Answer()
                case .refuses:
                    value.missed += 1
                    return LocalServer.Answer(status: 503, fields: [("Retry-After", "1")])
                case .drops:
                    value.missed += 1
                    return .none
                }
            }
        }
    }

    /// Where it listens.
    var url: String { server.url }
    /// The alerts that it took.
    var told: Set<Int> { state.value.withLock { $0.told } }
    /// How many messages it did not take.
    var missed: Int { state.value.withLock { $0.missed } }

    /// Takes messages in another way from now on.
    func becomes(_ mood: Mood) {
        state.value.withLock { $0.mood = mood }
    }
}
