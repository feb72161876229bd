import ComfyUI
import PluginAPI

/// A registered ComfyUI server.
struct Worker: Sendable, Equatable {
    /// Its id.
    var id: String
    /// Its base URL in one spelling, see ``ServerURL``.
    var url: String
    /// The name it was given; may be empty.
    var givenName: String
    /// Decides between workers with equally long queues, larger first.
    var weight: Int
    /// Whether new jobs go there.
    var enabled: Bool
    /// Its own user name for Basic authentication; empty counts as none.
    var authUsername: String?
    /// The password that goes with it; empty counts as none.
    var authPassword: Secret?
    /// Whether it was deleted: it stays known for the jobs it has, or had.
    var isRemoved = false

    /// Makes a worker.
    init(
        id: String, url: String, name: String, weight: Int, enabled: Bool, authUsername: String? = nil,
        authPassword: Secret? = nil, isRemoved: Bool = false
    ) {
        self.id = id
        self.url = url
        givenName = name
        self.weight = weight
        self.enabled = enabled
        self.authUsername = authUsername
        self.authPassword = authPassword
        self.isRemoved = isRemoved
    }

    /// Its name for people: the URL when it was given none.
    var name: String { givenName.isEmpty ? url : givenName }

    /// Whether new jobs may go there, as far as people decide.
    var isInUse: Bool { enabled && !isRemoved }

    /// The pair of its own, if both parts are there.
    var ownCredentials: BasicCredentials? {
        CredentialParts(username: authUsername ?? "", password: authPassword ?? Secret("")).pair
    }

    /// Keys of the answers about it, without its health.
    var json: JSONObject {
        [
            "worker_id": .string(id), "url": .string(url), "name": .string(givenName),
            "weight": .number(JSONNumber(weight)),
            "enabled": .bool(enabled), "auth_username": authUsername.map { .string($0) } ?? .null,
            "auth_has_password": .bool(!(authPassword?.isEmpty ?? true)),
        ]
    }
}

/// What is known of a worker's health.
enum WorkerHealth: Sendable, Equatable {
    /// It was not asked yet.
    case unknown
    /// It answered last time.
    case healthy
    /// It did not answer; the reason, and since when.
    case unhealthy(String, since: Instant)

    /// Whether it may get jobs; one that was not asked yet counts as healthy.
    var isHealthy: Bool {
        if case .unhealthy = self { return false }
        return true
    }

    /// Why it is unhealthy.
    var reason: String? {
        if case .unhealthy(let reason, _) = self { return reason }
        return nil
    }
}

/// How busy a worker is: its last queue reading, and our own ledger.
struct WorkerLoad: Sendable, Equatable {
    /// Prompts running at the last reading.
    var running = 0
    /// Prompts waiting at the last reading.
    var pending = 0
    /// Prompts at the last reading that were not ours.
    var foreign = 0
    /// Our jobs there now.
    var ours = 0
    /// Places kept for jobs that are to go there.
    var reserved = 0

    /// The number of prompts it has, as far as we know.
    var total: Int { ours + reserved + foreign }

    /// Forgets the last reading.
    mutating func forget() {
        running = 0
        pending = 0
        foreign = 0
    }
}
