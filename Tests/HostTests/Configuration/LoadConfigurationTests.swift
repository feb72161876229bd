import Host
import PluginAPI
import Testing

/// The section of a made-up gateway.
struct SampleGatewayConfiguration: ConfigurationSection {
    struct Worker: ConfigurationSection {
        let url: String
        let name: String?

        init(_ config: inout ConfigReader) {
            url = config.required("url", example: "http://127.0.0.1:8188", "Its address.")
            name = config.optional("name", as: String.self, "Its name.")
        }
    }

    let queueCacheTTL: Duration
    let workers: [Worker]

    init(_ config: inout ConfigReader) {
        queueCacheTTL = config.value(
            "queue_cache_ttl", default: .seconds(5), environment: "QUEUE_CACHE_TTL_SECONDS",
            "How long queue counts may be used again.")
        workers = config.list("workers", of: Worker.self, "Servers added at start.")
    }
}

private let types: [String: any ConfigurationSection.Type] = ["gateway": SampleGatewayConfiguration.self]

private func load(
    _ text: String?, in directory: TemporaryDirectory, environment: [String: String] = [:],
    overrides: CommandLineOverrides = CommandLineOverrides()
) throws(ConfigurationProblems) -> LoadedConfiguration {
    if let text { directory.write("comfyd.yaml", text) }
    return try loadConfiguration(
        file: nil, overrides: overrides, environment: environment, workingDirectory: directory.path
    ) { (plugin, _) throws(ConfigProblem) in
        if plugin.name == "broken" { throw ConfigProblem("no libBroken.so in /usr/lib/comfyd/plugins") }
        return types[plugin.name]
    }
}

private func problems(
    _ text: String, environment: [String: String] = [:], overrides: CommandLineOverrides = CommandLineOverrides(),
    dotEnv: String? = nil
) -> [String] {
    let directory = TemporaryDirectory()
    if let dotEnv { directory.write(".env", dotEnv) }
    do {
        _ = try load(text, in: directory, environment: environment, overrides: overrides)
        return []
    } catch {
        return error.description.split(separator: "\n").map(String.init)
    }
}

@Suite("Loading the configuration")
struct LoadConfigurationTests {
    private let directory = TemporaryDirectory()

    @Test("without a file the defaults hold, and somebody is told")
    func defaults() throws {
        let loaded = try load(nil, in: directory)
        #expect(loaded.file == nil)
        #expect(loaded.daemon.listen == [ListenAddress(address: "127.0.0.1", port: 8000)])
        #expect(loaded.daemon.stateDirectory == "\(directory.path)/var")
        #expect(loaded.daemon.comfyui.baseURL == "http://127.0.0.1:8188")
        #expect(loaded.daemon.auth.corsOrigins == ["*"])
        #expect(loaded.daemon.log.level == .info)
        #expect(loaded.daemon.surfacesAreOpen)
        #expect(loaded.plugins.isEmpty)
        #expect(
            loaded.notices.map(\.message) == [
                "no --config given and no comfyd.yaml in \(directory.path); using the defaults"
            ])
    }

    @Test("the keys that deployments rely on are read")
    func deployment() throws {
        let text = """
            listen: ["127.0.0.1:8000", "[::1]:0"]
            state_dir: ./var
            auth:
              admin_tokens: ["${COMFYD_ADMIN_TOKEN}"]
              open_surfaces: never
            comfyui:
              base_url: http://127.0.0.1:8188/
            plugins:
              gateway:   { enabled: true, workers: [{ url: "http://127.0.0.1:8188", name: gpu-1 }] }
              workflows: { enabled: true, directory: ./workflows }
              alerts:    { enabled: false, whatever: [1, 2] }
              agents:
            """
        let loaded = try load(text, in: directory, environment: ["COMFYD_ADMIN_TOKEN": "t0ken"])
        #expect(loaded.daemon.listen.map(\.text) == ["127.0.0.1:8000", "[::1]:0"])
        #expect(loaded.daemon.auth.adminTokens == [Secret("t0ken")])
        #expect(!loaded.daemon.surfacesAreOpen)
        #expect(loaded.daemon.comfyui.baseURL == "http://127.0.0.1:8188")
        #expect(loaded.plugins.map(\.name) == ["gateway", "workflows", "alerts", "agents"])
        #expect(loaded.plugins.map(\.isEnabled) == [true, true, false, true])
        #expect(loaded.plugin("workflows")?.section["directory"] == "./workflows")
        let gateway = try #require(loaded.pluginValues["gateway"] as? SampleGatewayConfiguration)
        #expect(gateway.workers.map(\.name) == ["gpu-1"])
        #expect(loaded.pluginValues["alerts"] == nil)
        #expect(loaded.read(SampleGatewayConfiguration.self, plugin: "gateway").problems.isEmpty)
        #expect(
            loaded.read(SampleGatewayConfiguration.self, plugin: "workflows").problems.map(\.description) == [
                "comfyd.yaml:10: plugins.workflows.directory: unknown key"
            ])
    }

    @Test("eight mistakes in one file are told at once, in its order")
    func eightMistakes() {
        let text = """
            lisen: "127.0.0.1:8000"
            state_dir: ./var
            threads: many
            auth:
              open_surfaces: sometimes
            limits:
              json_body: 64MiB
              header: 4GiB
            plugins:
              gateway:
                queue_cache_tll: 5s
                workers:
                  - url: http://10.0.0.4:8188
                  - name: gpu-2
              broken: {}
              workflows:
                on_start_error: ignore
            """
        #expect(
            problems(text) == [
                "comfyd.yaml:1: lisen: unknown key; did you mean \"listen\"?",
                "comfyd.yaml:3: threads: expected an integer",
                "comfyd.yaml:5: auth.open_surfaces: expected one of loopback, always, never",
                "comfyd.yaml:8: limits.header: 4GiB is outside 1KiB…1MiB",
                "comfyd.yaml:11: plugins.gateway.queue_cache_tll: unknown key; did you mean \"queue_cache_ttl\"?",
                "comfyd.yaml:14: plugins.gateway.workers[2].url: missing; for example \"http://127.0.0.1:8188\"",
                "comfyd.yaml:15: plugins.broken: no libBroken.so in /usr/lib/comfyd/plugins",
                "comfyd.yaml:17: plugins.workflows.on_start_error: expected one of fail, retry, disable",
            ])
    }

    @Test(
        "single mistakes",
        arguments: [
            ("listen: []", "comfyd.yaml:1: listen: expected at least one address"),
            (
                "listen: [\"a:1\", \"b:2\"]",
                #"comfyd.yaml:1: listen: item 1: "a:1" is not an address and a port, "#
                    + #"such as "127.0.0.1:8000" or "[::1]:8000""#
            ),
            ("listen: [\"127.0.0.1:1\", \"127.0.0.1:1\"]", "comfyd.yaml:1: listen: 127.0.0.1:1 is given twice"),
            ("state_dir: ''", "comfyd.yaml:1: state_dir: expected a path"),
            (
                "comfyui: {base_url: \"localhost:8188\"}",
                "comfyd.yaml:1: comfyui.base_url: expected a URL such as \"http://127.0.0.1:8188\""
            ),
            (
                "comfyui: {base_url: \"http://u:p@h\"}",
                "comfyd.yaml:1: comfyui.base_url: a URL here has no user name or password"
            ),
            (
                "public_base_url: http://h/?a",
                "comfyd.yaml:1: public_base_url: expected a URL such as \"http://127.0.0.1:8188\", "
                    + "without spaces, query and fragment"
            ),
            (
                "trusted_proxies: [10.0.0.0/8]",
                "comfyd.yaml:1: trusted_proxies: \"10.0.0.0/8\" is not an IP address; name each proxy by its address"
            ),
            (
                "auth: {cors_origins: [\"https://h/path\"]}",
                #"comfyd.yaml:1: auth.cors_origins: "https://h/path" is not an origin "#
                    + #"such as "https://app.example.org""#
            ),
            (
                "auth: {admin_tokens: [\"a b\"]}",
                "comfyd.yaml:1: auth.admin_tokens: a token is made of letters, digits and signs, without spaces"
            ),
            (
                "auth:\n  admin_tokens: ['${NO}']",
                "comfyd.yaml:2: auth.admin_tokens: environment variable \"NO\" is not set"
            ),
            ("log: {level: loud}", "comfyd.yaml:1: log.level: expected one of debug, info, notice, warning, error"),
            (
                "plugins: [gateway]",
                "comfyd.yaml:1: plugins: expected a section per plugin, such as \"gateway: { enabled: true }\""
            ),
            (
                "plugins: {alerts: true}",
                "comfyd.yaml:1: plugins.alerts: expected a section of keys, such as \"{ enabled: true }\""
            ),
            (
                "plugins: {Gate-way: {}}",
                "comfyd.yaml:1: plugins.Gate-way: a plugin's name is made of lower-case letters, digits and \"_\" "
                    + "and starts with a letter"
            ),
            (
                "gateway: {}\nplugins: {gateway: {}}",
                "comfyd.yaml:1: gateway: nobody reads this section; the keys of a plugin stand in \"plugins.gateway\""
            ),
            ("- listen", "comfyd.yaml:1:1: expected keys, such as \"listen: ...\""),
            ("a: 1\na: 2", "comfyd.yaml:2:1: key \"a\" is given twice"),
        ])
    func mistakes(text: String, expected: String) {
        #expect(problems(text) == [expected])
    }

    @Test("problems of .env, variables and options name their source")
    func otherSources() {
        var overrides = CommandLineOverrides()
        overrides.listen = ["[::1]"]
        overrides.logFormat = "xml"
        let found = problems(
            "threads: 1\n\nthreadz: 1", environment: ["COMFYD_THREADS": "-1"], overrides: overrides,
            dotEnv: "what\nCOMFYD_SHUTDOWN_TIMEOUT=never\n")
        #expect(
            found == [
                "comfyd.yaml:3: threadz: unknown key; did you mean \"threads\"?",
                ".env:1: expected NAME=VALUE",
                ".env:2: environment variable COMFYD_SHUTDOWN_TIMEOUT (shutdown.timeout): "
                    + "expected a duration such as \"30s\", \"5m\" or \"1h\"",
                "option --listen (listen): item 1: \"[::1]\": an IPv6 address stands in brackets and a port follows, "
                    + "as in \"[::1]:8000\"",
                "option --log-format (log.format): expected one of text, json",
                "environment variable COMFYD_THREADS (threads): -1 is outside 0…1024",
            ])
    }

    @Test("a file that cannot be read is one problem")
    func unreadable() {
        #expect(throws: ConfigurationProblems.self) {
            try loadConfiguration(file: "none.yaml", environment: [:], workingDirectory: directory.path)
        }
        directory.write("latin.yaml", [0x61, 0x3A, 0x20, 0xE9])
        do {
            _ = try loadConfiguration(file: "latin.yaml", environment: [:], workingDirectory: directory.path)
            Issue.record("read")
        } catch {
            #expect(error.description == "\"\(directory.path)/latin.yaml\" is not UTF-8 text")
        }
    }

    @Test("the environment ranks above .env, an empty variable does not")
    func environmentRanks() throws {
        directory.write(".env", "COMFYD_THREADS=3\nQUEUE_CACHE_TTL_SECONDS=7\nCOMFYD_STATE_DIR=/from/env\n")
        let loaded = try load(
            "threads: 2\nplugins: {gateway: }", in: directory,
            environment: ["COMFYD_THREADS": "4", "COMFYD_STATE_DIR": ""])
        #expect(loaded.daemon.threads == 4)
        #expect(loaded.daemon.stateDirectory == "/from/env")
        let gateway = try #require(loaded.pluginValues["gateway"] as? SampleGatewayConfiguration)
        #expect(gateway.queueCacheTTL == .seconds(7))
    }

    @Test("paths start at the file, those of options at the working directory")
    func paths() throws {
        var overrides = CommandLineOverrides()
        let text = """
            state_dir: ../state
            plugin_directories: [a, /b]
            api_docs_directory: docs
            plugins: {x: {file: ./libX.so}}
            """
        let plain = try load(text, in: directory)
        #expect(plain.daemon.stateDirectory == "\(directory.path)/../state")
        #expect(plain.daemon.pluginDirectories == ["\(directory.path)/a", "/b"])
        #expect(plain.daemon.apiDocsDirectory == "\(directory.path)/docs")
        #expect(plain.plugin("x")?.file == "\(directory.path)/libX.so")
        overrides.stateDirectory = "here"
        let overridden = try loadConfiguration(
            file: "\(directory.path)/comfyd.yaml", overrides: overrides, environment: [:],
            workingDirectory: "/elsewhere"
        )
        #expect(overridden.daemon.stateDirectory == "/elsewhere/here")
        #expect(overridden.directory == directory.path)
    }

    @Test("a certificate must be there, with its key")
    func certificates() throws {
        directory.write("cert.pem", "")
        directory.write("key.pem", "")
        let loaded = try load(
            "listen: [{address: \"0.0.0.0:8443\", certificate: cert.pem, key: ./key.pem}]", in: directory)
        #expect(loaded.daemon.server.listeners.first?.certificate == "\(directory.path)/cert.pem")
        #expect(loaded.daemon.server.listeners.first?.key == "\(directory.path)/key.pem")
        #expect(!loaded.daemon.surfacesAreOpen)
        #expect(problems("listen: {address: \"0.0.0.0:1\", certificate: a, key: b}").count == 2)
        #expect(
            problems("listen: {address: \"0.0.0.0:1\", key: b}") == [
                "comfyd.yaml:1: listen: \"certificate\" and \"key\" belong together; one is missing"
            ])
    }

    @Test("a secret is read from a file beside the configuration")
    func secretFile() throws {
        directory.write("token", "abc\n")
        let loaded = try load("auth: {admin_tokens: 'file:token', service_token: x}", in: directory)
        #expect(loaded.daemon.auth.adminTokens == [Secret("abc"), Secret("x")])
    }

    @Test("plugins can be listed by variables alone")
    func pluginsOfEnvironment() throws {
        let environment = ["COMFYD_PLUGINS_GATEWAY_ENABLED": "true", "COMFYD_PLUGINS_ALERTS_ENABLED": "no"]
        let loaded = try load(nil, in: directory, environment: environment)
        #expect(loaded.plugins.map(\.name) == ["alerts", "gateway"])
        #expect(loaded.plugins.map(\.isEnabled) == [false, true])
    }

    @Test("a top-level section that only a disabled plugin would read is legal, and mentioned")
    func disabledSection() throws {
        let loaded = try load("alerts: {x: 1}\nplugins: {alerts: {enabled: false}}", in: directory)
        #expect(
            loaded.notices.map(\.message) == [
                "alerts: nobody reads this section; the keys of a plugin stand in \"plugins.alerts\""
            ])
    }

    @Test("stores that this build does not have are never replaced in silence")
    func stores() throws {
        let environment = ["REDIS_URL": "redis://:pw@h", "MYSQL_HOST": "h", "MYSQL_DATABASE": "d", "MYSQL_USER": ""]
        let loaded = try load("state_dir: /data", in: directory, environment: environment)
        #expect(loaded.notices.map(\.level) == [.warning, .warning])
        #expect(
            loaded.notices.map(\.message) == [
                "REDIS_URL is set, but this build does not support Redis yet; everything is kept in /data/comfyd.db",
                "MYSQL_HOST, MYSQL_DATABASE are set, but this build does not support MySQL yet; "
                    + "everything is kept in /data/comfyd.db",
            ])
    }
}
