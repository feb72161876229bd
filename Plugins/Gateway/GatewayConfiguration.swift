import ComfyUI
import PluginAPI

/// The gateway's section of the configuration.
struct GatewayConfiguration: ConfigurationSection {
    /// Workers that are registered at start if their URL is not registered yet.
    let workers: [ListedWorker]
    /// The longest time between two looks at a worker.
    let healthInterval: Duration
    /// How long a queue reading may be used for balancing.
    let queueCacheTTL: Duration
    /// The deadline of requests to a worker.
    let requestTimeout: Duration
    /// The credentials for workers without a pair of their own, unless others are saved.
    let sharedCredentials: CredentialParts
    /// How often a job may be handed to a worker before it counts as lost.
    let maximumAttempts: Int
    /// How many jobs a worker may have ahead; others wait here.
    let maximumInFlight: Int
    /// How many jobs may wait here.
    let queueLimit: Int
    /// How long a worker may be unreachable before its jobs go to others.
    let lostAfter: Duration
    /// How long a worker's queue may stand still; zero for ever.
    let stallTimeout: Duration
    /// When a worker's circuit breaker opens, and for how long.
    let breaker: CircuitBreaker.Limits
    /// How long a job may be executed; zero for ever.
    let jobTimeout: Duration
    /// How many nodes may depend on each other in a row.
    let maximumGraphDepth: Int
    /// What is answered about the result of a prompt that nobody knows.
    let historyUnknown: UnknownHistory
    /// Memory for the answers about finished jobs.
    let resultCache: ByteCount
    /// How long ended jobs are kept.
    let retention: RetentionSettings

    init(_ config: inout ConfigReader) {
        workers = config.list("workers", of: ListedWorker.self, "Workers to register at start; they stay registered.")
        healthInterval = config.value(
            "health_interval", default: .seconds(10), in: .milliseconds(100) ... .seconds(3600),
            "The longest time between two health probes of a worker.")
        queueCacheTTL = config.value(
            "queue_cache_ttl", default: .seconds(5), in: .zero ... .seconds(3600),
            environment: "QUEUE_CACHE_TTL_SECONDS", "How long a worker's queue reading may be used for balancing.")
        requestTimeout = config.value(
            "worker_request_timeout", default: .seconds(30), in: .milliseconds(100) ... .seconds(3600),
            environment: "WORKER_REQUEST_TIMEOUT", "The deadline of every request to a worker.")
        sharedCredentials = config.credentials(
            "worker_auth_username", "worker_auth_password",
            environment: ("WORKER_AUTH_USERNAME", "WORKER_AUTH_PASSWORD"),
            "User name for Basic authentication towards workers without a pair of their own.")
        maximumAttempts = config.value(
            "max_attempts", default: 3, in: 1...100, "How often a job is handed to a worker before it counts as lost.")
        maximumInFlight = config.value(
            "max_in_flight", default: 2, in: 1...1000,
            "How many jobs a worker may have ahead; the others wait in the gateway, where priority counts.")
        queueLimit = config.value(
            "queue_limit", default: 10_000, in: 1...10_000_000, "How many jobs may wait in the gateway.")
        lostAfter = config.value(
            "worker_lost_after", default: .seconds(30), in: .seconds(1) ... .seconds(86_400),
            "How long a worker may be unreachable before its unfinished jobs go to other workers.")
        stallTimeout = config.value(
            "worker_stall_timeout", default: .seconds(1800), in: .zero ... .seconds(86_400),
            "How long a worker's queue may stand still with no sign of life before its jobs go to others; 0 for ever.")
        breaker = CircuitBreaker.Limits(
            failures: config.value(
                "breaker_failures", default: 3, in: 1...1000,
                "After how many failed jobs in a row a worker gets none for a while."),
            pause: config.value(
                "breaker_pause", default: .seconds(10), in: .milliseconds(100)...CircuitBreaker.longestPause,
                "How long that while is at first; it doubles each time, up to five minutes."))
        jobTimeout = config.value(
            "job_timeout", default: .zero, in: .zero ... .seconds(2_592_000),
            "How long a job may be executed before it is interrupted and ends as failed; 0 for ever.")
        maximumGraphDepth = config.value(
            "max_graph_depth", default: 500, in: 1...1_000_000,
            "How many nodes of a prompt may depend on each other in a row: workers choke on longer chains.")
        historyUnknown = config.value(
            "history_unknown", default: .notFound, environment: "HISTORY_UNKNOWN",
            "How GET /api/history/{prompt_id} answers for a prompt that nobody knows: with 404, or with {} as ComfyUI does."
        )
        resultCache = config.value(
            "result_cache", default: ByteCount(64 << 20), in: ByteCount(0)...ByteCount(16 << 30),
            "Memory for the answers about finished jobs.")
        retention = config.section(
            "retention", as: RetentionSettings.self,
            "How long ended jobs are kept, with result and story; those that exceed either limit are deleted.")
    }

    /// What the pool of workers decides by.
    var workerRules: WorkerRules {
        WorkerRules(maximumInFlight: maximumInFlight, breaker: breaker, stallTimeout: stallTimeout)
    }

    /// The time between two probes of a worker.
    var probeInterval: Duration {
        max(.milliseconds(250), min(healthInterval, queueCacheTTL))
    }
}

/// What is answered about the result of a prompt that nobody knows.
enum UnknownHistory: String, ConfigChoice {
    /// 404.
    case notFound = "not_found"
    /// An empty object, as ComfyUI does.
    case empty
}

/// How long ended jobs are kept.
struct RetentionSettings: ConfigurationSection {
    /// The longest time since their end.
    let age: Duration
    /// How many of them.
    let jobs: Int

    init(_ config: inout ConfigReader) {
        age = config.value(
            "age", default: .seconds(30 * 86_400), in: .seconds(60) ... .seconds(36_500 * 86_400),
            "How long ended jobs are kept.")
        jobs = config.value("jobs", default: 100_000, in: 0...100_000_000, "How many ended jobs are kept.")
    }
}

/// A worker as the configuration lists it.
struct ListedWorker: ConfigurationSection {
    /// Its base URL.
    let url: String
    /// Its name; the URL when empty.
    let name: String
    /// Decides between workers with equally long queues, larger first.
    let weight: Int
    /// Its own credentials for Basic authentication.
    let credentials: CredentialParts

    init(_ config: inout ConfigReader) {
        url = config.required("url", example: "http://127.0.0.1:8188", "The worker's base URL.") {
            ServerURL($0) == nil ? "expected an http or https URL without credentials, query and fragment" : nil
        }
        name = config.value("name", default: "", "A name for people; the URL when absent.")
        weight = config.value("weight", default: 1, "Decides between workers with equally long queues, larger first.")
        credentials = config.credentials("auth_username", "auth_password", "User name for Basic authentication.")
    }
}
