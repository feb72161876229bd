package import PluginAPI

/// When the surfaces that the seeds leave open need no token.
package enum OpenSurfaces: String, ConfigChoice {
    /// While every listener is on loopback.
    case loopback
    /// For everybody who reaches the daemon.
    case always
    /// Never: they need a token like the rest.
    case never

    /// Whether they need no token with these listeners.
    package func isOpen(allListenersAreLoopback: Bool) -> Bool {
        switch self {
        case .loopback: allListenersAreLoopback
        case .always: true
        case .never: false
        }
    }
}

/// Who may do what.
package struct AuthConfiguration: ConfigurationSection {
    /// The operator's tokens, none of them empty.
    package let adminTokens: [Secret]
    /// When the open surfaces need no token.
    package let openSurfaces: OpenSurfaces
    /// The origins that browsers may call from.
    package let corsOrigins: [String]

    /// Reads the section.
    package init(_ config: inout ConfigReader) {
        let tokens = config.value(
            "admin_tokens", default: [Secret](), environment: "ADMIN_TOKENS",
            "Tokens that may do everything. None given: one is made and kept in state_dir/admin.token.",
            check: { $0.compactMap(Self.problem(inToken:)).first })
        let serviceToken = config.optional(
            "service_token", as: Secret.self, environment: "SERVICE_API_TOKEN",
            "One more admin token, for callers that know it by this name.", check: Self.problem(inToken:))
        adminTokens = (tokens + [serviceToken].compactMap { $0 }).filter { !$0.isEmpty }
        openSurfaces = config.value(
            "open_surfaces", default: .loopback,
            "When the imitated APIs (such as /api/prompt) need no token and no scope: while every listener is on "
                + "loopback, always or never.")
        corsOrigins = config.value(
            "cors_origins", default: ["*"],
            "Origins whose pages may call the open surfaces from a browser, such as https://app.example.org; "
                + "* is every page.",
            check: Self.problem(inOrigins:))
    }

    private static func problem(inToken token: Secret) -> String? {
        let isSendable = token.withExposed { $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } }
        return isSendable ? nil : "a token is made of letters, digits and signs, without spaces"
    }

    private static func problem(inOrigins origins: [String]) -> String? {
        for origin in origins where origin != "*" {
            let host = origin.components(after: "://")
            guard BaseURL.problem(in: origin) == nil, let host, !host.contains("/") else {
                return "\"\(origin)\" is not an origin such as \"https://app.example.org\""
            }
        }
        return nil
    }
}

/// The single ComfyUI server.
package struct ComfyUIConfiguration: ConfigurationSection {
    /// Its address, without trailing slash.
    package let baseURL: String
    /// Where uploaded input files are kept.
    package var inputDirectory: String

    /// Reads the section.
    package init(_ config: inout ConfigReader) {
        baseURL = BaseURL.trimmed(
            config.value(
                "base_url", default: "http://127.0.0.1:8188", environment: "COMFYUI_BASE_URL",
                "Its address. COMFYUI_HOST and COMFYUI_PORT work too.", check: BaseURL.problem(in:)))
        inputDirectory = config.value(
            "input_directory", default: "./input",
            "Where uploaded input files are kept, for the servers that need them later; not the input folder of a ComfyUI server."
        )
    }
}

/// How much is taken from clients.
package struct LimitsConfiguration: ConfigurationSection {
    /// Request line and header fields together.
    package let header: ByteCount
    /// A JSON body.
    package let jsonBody: ByteCount
    /// An uploaded file.
    package let upload: ByteCount
    /// Silence on a connection.
    package let idleTimeout: Duration
    /// Time to send a header.
    package let headerTimeout: Duration
    /// Open connections.
    package let connections: Int

    /// Reads the section.
    package init(_ config: inout ConfigReader) {
        header = config.value(
            "header", default: ByteCount(16 << 10), in: ByteCount(1 << 10)...ByteCount(1 << 20),
            "Request line and header fields together; more is answered with 431.")
        jsonBody = config.value(
            "json_body", default: ByteCount(64 << 20), in: ByteCount(1 << 10)...ByteCount(4 << 30),
            "A JSON body; more is answered with 413.")
        upload = config.value(
            "upload", default: ByteCount(1 << 30), in: ByteCount(1 << 10)...ByteCount(1 << 40),
            "An uploaded file; more is answered with 413.")
        idleTimeout = config.value(
            "idle_timeout", default: .seconds(60), in: .seconds(1) ... .seconds(86_400),
            "Silence after which a connection is closed.")
        headerTimeout = config.value(
            "header_timeout", default: .seconds(10), in: .seconds(1) ... .seconds(3600),
            "Time a client has for sending the header.")
        connections = config.value(
            "connections", default: 10_000, in: 1...1_000_000, "Open connections, all listeners together.")
    }
}

/// What is logged, and how.
package struct LogConfiguration: ConfigurationSection {
    /// The names of ``LogLevel`` in a file.
    private enum Level: String, ConfigChoice {
        case debug
        case info
        case notice
        case warning
        case error

        var level: LogLevel {
            switch self {
            case .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            }
        }
    }

    /// The least important lines that are written.
    package let level: LogLevel
    /// The shape of a line.
    package let format: LogFormat

    /// Reads the section.
    package init(_ config: inout ConfigReader) {
        level = config.value("level", default: Level.info, "The least important lines that are written.").level
        format = config.value("format", default: LogFormat.text, "The shape of a line: for people, or JSON.")
    }
}

/// How the daemon ends.
package struct ShutdownConfiguration: ConfigurationSection {
    /// Time between reporting not ready and closing the listeners.
    package let delay: Duration
    /// Time for all that is in flight.
    package let timeout: Duration

    /// Reads the section.
    package init(_ config: inout ConfigReader) {
        delay = config.value(
            "delay", default: .zero, in: .zero ... .seconds(3600),
            "Time between reporting not ready and closing the listeners, for load balancers to notice.")
        timeout = config.value(
            "timeout", default: .seconds(30), in: .zero ... .seconds(86_400),
            "Time for requests and services to finish; what is left then is cancelled.")
    }
}

extension String {
    fileprivate func components(after mark: String) -> Substring? {
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(mark) { return rest.dropFirst(mark.count) }
            rest = rest.dropFirst()
        }
        return nil
    }
}
