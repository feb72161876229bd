package import PluginAPI

/// The host's own part of the configuration; plugins have sections of their own.
package struct DaemonConfiguration: ConfigurationSection {
    /// Where to listen, one or more.
    package var listen: [ListenAddress]
    /// The folder of everything that lasts.
    package var stateDirectory: String
    /// Who may do what.
    package let auth: AuthConfiguration
    /// The single ComfyUI server, used while no plugin provides a cluster.
    package private(set) var comfyui: ComfyUIConfiguration
    /// Base URL for links in answers, without trailing slash.
    package let publicBaseURL: String?
    /// Addresses of proxies whose `X-Forwarded-*` headers are believed.
    package let trustedProxies: [String]
    /// How much is taken from clients.
    package let limits: LimitsConfiguration
    /// What is logged, and how.
    package let log: LogConfiguration
    /// Event loops; 0 is one per core.
    package let threads: Int
    /// How the daemon ends.
    package let shutdown: ShutdownConfiguration
    /// Folders searched for plugins besides the daemon's own.
    package var pluginDirectories: [String]
    /// The folder of Swagger UI and ReDoc; `nil` where the daemon looks itself.
    package var apiDocsDirectory: String?

    /// The names of the top-level keys.
    static let keys: Set<String> = {
        var reader = ConfigReader()
        _ = DaemonConfiguration(&reader)
        return Set(reader.entries.map(\.path) + ["plugins"])
    }()

    /// Reads the section; the plugins' sections are left to the loader.
    package init(_ config: inout ConfigReader) {
        listen = config.value(
            "listen", default: [ListenAddress(address: "127.0.0.1", port: 8000)],
            "Addresses to listen on; port 0 lets the system choose. With a certificate and its key (PEM files) "
                + "the address speaks HTTPS.",
            check: Self.problem(inListeners:))
        stateDirectory = config.value(
            "state_dir", default: "./var",
            "Folder of the database, keys and stored files, relative to this file.",
            check: { $0.isEmpty ? "expected a path" : nil })
        auth = config.section(
            "auth", as: AuthConfiguration.self,
            "Who may do what. API keys are not listed here: \"comfyd token create\" makes them.")
        comfyui = config.section(
            "comfyui", as: ComfyUIConfiguration.self,
            "The single ComfyUI server, used while no plugin provides a cluster of them.")
        publicBaseURL = config.optional(
            "public_base_url", as: String.self,
            "Base URL of links in answers, such as https://comfy.example.org; otherwise it is taken from each request.",
            check: BaseURL.problem(in:)
        ).map(BaseURL.trimmed)
        trustedProxies = config.value(
            "trusted_proxies", default: [],
            "IP addresses of proxies whose X-Forwarded-* headers are believed.", check: Self.problem(inProxies:))
        limits = config.section("limits", as: LimitsConfiguration.self, "How much is taken from clients.")
        log = config.section("log", as: LogConfiguration.self, "What is written to standard error.")
        threads = config.value("threads", default: 0, in: 0...1024, "Event loops; 0 is one per core.")
        shutdown = config.section("shutdown", as: ShutdownConfiguration.self, "How the daemon ends.")
        pluginDirectories = config.value(
            "plugin_directories", default: [],
            "Folders searched for plugins besides the daemon's own, relative to this file.")
        apiDocsDirectory = config.optional(
            "api_docs_directory", as: String.self,
            "Folder of the files of /docs and /redoc, relative to this file; otherwise api-docs beside the daemon, or "
                + "../share/comfyd/api-docs from there.",
            check: { $0.isEmpty ? "expected a path" : nil })
        config.ignore("plugins")
    }

    private static func problem(inListeners listeners: [ListenAddress]) -> String? {
        guard !listeners.isEmpty else { return "expected at least one address" }
        var seen: Set<String> = []
        for listener in listeners where listener.port != 0 && !seen.insert(listener.text).inserted {
            return "\(listener.text) is given twice"
        }
        return nil
    }

    private static func problem(inProxies proxies: [String]) -> String? {
        for proxy in proxies where !ListenAddress.isIPv4(proxy) && !ListenAddress.isIPv6(proxy) {
            return "\"\(proxy)\" is not an IP address; name each proxy by its address"
        }
        return nil
    }
}

// MARK: - Views for the running parts

extension DaemonConfiguration {
    /// Whether the surfaces that the seeds leave open need no token (`auth.open_surfaces`).
    package var surfacesAreOpen: Bool {
        auth.openSurfaces.isOpen(allListenersAreLoopback: listensOnLoopbackOnly)
    }

    /// Whether nobody but this machine reaches the daemon.
    var listensOnLoopbackOnly: Bool { listen.allSatisfy(\.isLoopback) }

    /// What the HTTP server takes.
    package var server: HTTPServerConfiguration {
        var limits = HTTPLimits()
        limits.header = self.limits.header.bytes
        limits.body = max(self.limits.upload.bytes, self.limits.jsonBody.bytes)
        limits.idleTimeout = self.limits.idleTimeout
        limits.headerTimeout = self.limits.headerTimeout
        limits.connections = self.limits.connections
        let listeners = listen.map {
            HTTPServerConfiguration.Listener(
                address: $0.address, port: $0.port, certificate: $0.certificate, key: $0.key)
        }
        return HTTPServerConfiguration(listeners: listeners, limits: limits)
    }

    /// What plugins are told.
    package func settings(version: String, directory: String) -> DaemonSettings {
        var settings = DaemonSettings(
            version: version, comfyBaseURL: comfyui.baseURL, publicBaseURL: publicBaseURL,
            trustedProxies: trustedProxies, configurationDirectory: directory,
            jsonBodyLimit: limits.jsonBody.bytes, uploadLimit: limits.upload.bytes)
        settings.inputDirectory = comfyui.inputDirectory
        return settings
    }

    /// Makes the paths absolute; relative ones start at the folder of the configuration file.
    mutating func resolvePaths(in directory: String) {
        stateDirectory = FilePath.absolute(stateDirectory, in: directory)
        comfyui.inputDirectory = FilePath.absolute(comfyui.inputDirectory, in: directory)
        pluginDirectories = pluginDirectories.map { FilePath.absolute($0, in: directory) }
        apiDocsDirectory = apiDocsDirectory.map { FilePath.absolute($0, in: directory) }
        for index in listen.indices {
            listen[index].certificate = listen[index].certificate.map { FilePath.absolute($0, in: directory) }
            listen[index].key = listen[index].key.map { FilePath.absolute($0, in: directory) }
        }
    }
}
