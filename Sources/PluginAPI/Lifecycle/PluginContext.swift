/// What a plugin may use, all its life.
public struct PluginContext: Sendable {
    /// The plugin's name.
    public let name: String
    /// A folder of its own, made by the host.
    public let dataDirectory: String
    /// A logger that names the plugin.
    public let logger: Logger
    /// Time; tests drive it by hand.
    public let clock: any TimeSource
    /// Makes metrics whose names start with `comfyd_<plugin>_`.
    public let metrics: any MetricsFactory
    /// The daemon's database.
    public let database: any Database
    /// The pooled HTTP client.
    public let httpClient: any HTTPClient
    /// Who asks, and tokens.
    public let auth: any Authenticator
    /// Seals secrets for storage.
    public let secrets: any SecretSealing
    /// Events between plugins.
    public let events: any EventBus
    /// Capabilities of other plugins, from `start` on.
    public let capabilities: Capabilities
    /// Settings of the whole daemon that plugins share.
    public let daemon: DaemonSettings
    /// Runs what blocks, such as reading and writing files; in place unless the host gave threads for it.
    public var blocking: any BlockingThreads = RunningInPlace()
    /// Signatures and randomness; there in every context that the host makes.
    public var cryptography: any Cryptography = NoCryptography()

    /// Makes a context; the host does this, and tests.
    public init(
        name: String, dataDirectory: String, logger: Logger, clock: any TimeSource, metrics: any MetricsFactory,
        database: any Database, httpClient: any HTTPClient, auth: any Authenticator, secrets: any SecretSealing,
        events: any EventBus, capabilities: Capabilities, daemon: DaemonSettings
    ) {
        self.name = name
        self.dataDirectory = dataDirectory
        self.logger = logger
        self.clock = clock
        self.metrics = metrics
        self.database = database
        self.httpClient = httpClient
        self.auth = auth
        self.secrets = secrets
        self.events = events
        self.capabilities = capabilities
        self.daemon = daemon
    }
}

/// Settings of the whole daemon that plugins share.
public struct DaemonSettings: Sendable {
    /// The daemon's version.
    public var version: String
    /// `comfyui.base_url`: the single ComfyUI server used while no plugin provides a cluster.
    public var comfyBaseURL: String
    /// `public_base_url`, without trailing slash, if the operator set one; see ``baseURL(for:)``.
    public var publicBaseURL: String?
    /// Addresses of proxies whose `X-Forwarded-*` headers are believed.
    public var trustedProxies: [String]
    /// The folder of the configuration file; relative paths in plugin sections start here.
    public var configurationDirectory: String
    /// The limit of JSON bodies in bytes (`limits.json_body`).
    public var jsonBodyLimit: Int
    /// The limit of uploads in bytes (`limits.upload`).
    public var uploadLimit: Int
    /// The folder where uploaded input files are kept (`comfyui.input_directory`), absolute.
    public var inputDirectory = "./input"

    /// Makes settings.
    public init(
        version: String = "0", comfyBaseURL: String = "http://127.0.0.1:8188", publicBaseURL: String? = nil,
        trustedProxies: [String] = [], configurationDirectory: String = ".", jsonBodyLimit: Int = 64 << 20,
        uploadLimit: Int = 1 << 30
    ) {
        self.version = version
        self.comfyBaseURL = comfyBaseURL
        self.publicBaseURL = publicBaseURL
        self.trustedProxies = trustedProxies
        self.configurationDirectory = configurationDirectory
        self.jsonBodyLimit = jsonBodyLimit
        self.uploadLimit = uploadLimit
    }

    /// The base URL for links in an answer: `public_base_url`, else what a trusted proxy says
    /// (`X-Forwarded-Proto`, `-Host`, `-Prefix`), else the request's own scheme and `Host`.
    public func baseURL(for request: Request) -> String {
        if let publicBaseURL { return publicBaseURL }
        guard trustedProxies.contains(request.remoteAddress) else { return request.baseURL }
        let scheme = Self.first(request.headers["x-forwarded-proto"]) ?? request.scheme
        let host = Self.first(request.headers["x-forwarded-host"]) ?? request.headers["host"] ?? "localhost"
        var prefix = Self.first(request.headers["x-forwarded-prefix"]) ?? ""
        while prefix.hasSuffix("/") { prefix.removeLast() }
        return "\(scheme)://\(host)\(prefix)"
    }

    private static func first(_ value: String?) -> String? {
        guard let part = value?.split(separator: ",").first else { return nil }
        return String(part.drop { $0 == " " })
    }
}
