import PluginAPI

/// The plugin's section of the configuration.
struct AgentsConfiguration: ConfigurationSection {
    /// `kid:secret` pairs; none given: a file of keys, or one that is made.
    let secrets: [KeyRing.Entry]
    /// A file with `kid:secret` on each line.
    let secretsFile: String?
    /// The key that signs.
    let defaultKeyID: String?
    /// How long a task's token lives; `nil` as long as its task.
    let taskTokenLife: Duration?
    /// How long an agent's token lives.
    let agentTokenLife: Duration
    /// How long a task has.
    let taskTimeout: Duration
    /// What manifest URLs begin with; `nil` for the daemon's own address.
    let manifestBaseURL: String?
    /// Where tasks may be pushed to.
    let pushTargets: [PushTargets.Entry]
    /// Which pushes are tried again by themselves.
    let pushRetry: PushRetry
    /// The protocol document, relative to the configuration file.
    let protocolDocument: String
    /// Whether debug tokens count.
    let isDevelopment: Bool
    /// Tokens that pass every check of ownership.
    let debugTokens: [Secret]

    init(_ config: inout ConfigReader) {
        let text = config.value(
            "jwt_secrets", default: Secret(""), environment: "AGENT_JWT_SECRETS",
            "The keys of tokens, kid:secret with commas between; secrets of 32 bytes at least.")
        let secrets = text.withExposed { KeyRing.entries($0) }
        self.secrets = secrets
        secretsFile = config.optional(
            "jwt_secrets_file", as: String.self,
            "A file with kid:secret on each line instead; read again while the daemon runs.")
        defaultKeyID = config.optional(
            "jwt_default_kid", as: String.self, environment: "AGENT_JWT_DEFAULT_KID",
            "The key that signs; the first one by default.")
        if !text.isEmpty {
            do {
                _ = try KeyRing(secrets, defaultID: defaultKeyID)
            } catch {
                config.report("\(error)", at: "jwt_secrets")
            }
        }
        taskTokenLife = config.optional(
            "task_token_ttl", as: Duration.self, environment: "AGENT_TASK_TOKEN_TTL",
            "How long a task's token lives at most; as long as its task by default."
        ) { $0 < .seconds(1) ? "is shorter than 1s" : nil }
        agentTokenLife = config.value(
            "heartbeat_token_ttl", default: .seconds(3600), in: .seconds(60) ... .seconds(31_536_000),
            environment: "AGENT_HEARTBEAT_TOKEN_TTL", "How long an agent's token lives unless the request says it.")
        taskTimeout = config.value(
            "task_timeout", default: .seconds(3600), in: .seconds(1) ... .seconds(31_536_000),
            environment: "AGENT_TASK_TIMEOUT_SECONDS", "How long a task has unless the request says it.")
        manifestBaseURL = config.optional(
            "manifest_base_url", as: String.self, environment: "AGENT_MANIFEST_BASE_URL",
            "What the URLs of manifests begin with; the daemon's public address by default.",
            check: PushURL.problem
        ).map(PushURL.trimmed)
        pushTargets = config.value(
            "push_targets", default: [PushTargets.Entry.any],
            """
            Where tasks may be pushed to: any, networks, addresses, hosts' names. This machine's loopback addresses only \
            where they are named; link-local addresses, metadata services and the daemon itself never.
            """)
        pushRetry = config.value(
            "push_retry", default: PushRetry.busy,
            "Which pushes are tried again until the task expires: those that found the agent busy, or all that failed.")
        protocolDocument = config.value(
            "protocol_document", default: "./docs/agent-protocol.md",
            """
            The file that GET /api/agent/docs/agent-protocol shows, relative to this file, read at each request; without it, \
            the document of this version.
            """)
        isDevelopment = config.value(
            "development", default: false, "Lets debug_tokens count; never on a deployment that others reach.")
        debugTokens = config.value(
            "debug_tokens", default: [Secret](), environment: "AGENT_DEBUG_TOKENS",
            "Tokens that pass every check of ownership, for development only.")
    }
}
