import PluginAPI
import Testing

@Suite("the command line")
struct CommandLineTests {
    @Test("help and version answer on standard output with code 0", arguments: ["--help", "version", "help"])
    func help(word: String) async throws {
        let result = try await comfyd(word)
        #expect(result.status == .code(0), "\(result)")
        #expect(!result.output.isEmpty && result.errors.isEmpty, "\(result)")
        if word != "version" {
            for verb in ["run", "check", "sample", "routes", "plugins", "openapi", "token"] {
                #expect(result.output.contains(verb), "\(verb)")
            }
        }
    }

    @Test(
        "an unknown command or option is refused with code 2 and a hint",
        arguments: [["runn"], ["run", "--confg", "x"]])
    func mistakes(words: [String]) async throws {
        let result = try await run(Places.comfyd, words)
        #expect(result.status == .code(2), "\(result)")
        #expect(result.output.isEmpty)
        #expect(result.errors.contains(words.last == "runn" ? "run" : "--config"), "\(result)")
    }

    @Test("what sample prints is a valid configuration")
    func sample() async throws {
        let folder = try TemporaryDirectory()
        let sample = try await comfyd("sample")
        #expect(sample.status == .code(0), "\(sample)")
        for words in ["listen", "state_dir", "gateway", "queue_cache_ttl"] { #expect(sample.output.contains(words)) }
        let file = try folder.write("comfyd.yaml", sample.output)
        let check = try await comfyd("check", "--config", file, directory: folder.path)
        #expect(check.status == .code(0), "\(check)")
        #expect(!Files.exists(folder.file("var")), "check leaves nothing behind")
    }

    @Test("the sample of one plugin is a valid section")
    func pluginSample() async throws {
        let sample = try await comfyd("sample", "simulator")
        #expect(sample.status == .code(0), "\(sample)")
        #expect(sample.output.contains("step_delay"))
    }

    @Test("the committed reference is what comfyd prints")
    func reference() async throws {
        let reference = try await comfyd("reference")
        #expect(reference.status == .code(0), "\(reference)")
        let committed = try Files.text(Places.repository + "/docs/configuration.md")
        #expect(reference.output == committed, "run: comfyd reference > docs/configuration.md")
    }

    @Test("a plugin that is not there cannot be enabled, and the file stays as it was")
    func enableUnknown() async throws {
        let folder = try TemporaryDirectory()
        let text = "plugins: { gateway: {} }\n"
        let file = try folder.write("comfyd.yaml", text)
        let result = try await comfyd("plugin", "enable", "gatway", "--config", file, directory: folder.path)
        #expect(result.status == .code(1), "\(result)")
        #expect(result.errors.contains("did you mean \"gateway\"?"), "\(result)")
        #expect(try Files.text(file) == text)
    }

    @Test("routes, plugins and openapi tell what a configuration gives, without starting it")
    func tables() async throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write("comfyd.yaml", "plugins: { gateway: {} }")
        let routes = try await comfyd("routes", "--config", file, directory: folder.path)
        #expect(routes.status == .code(0), "\(routes)")
        #expect(routes.output.split(separator: "\n").contains { $0.contains("POST") && $0.contains("/api/prompt") })
        #expect(!routes.output.contains("/upload/image"), "the simulator is not enabled")

        let plugins = try await comfyd("plugins", "--config", file, directory: folder.path)
        #expect(plugins.status == .code(0), "\(plugins)")
        #expect(plugins.output.contains("gateway") && plugins.output.contains("simulator"))

        let openapi = try await comfyd("openapi", "--config", file, directory: folder.path)
        #expect(openapi.status == .code(0), "\(openapi)")
        let document = try JSON(parsing: openapi.output)
        #expect(document["openapi"]?.stringValue?.hasPrefix("3.") == true)
        #expect(document["paths"]?["/api/prompt"]?["post"] != nil)
        let paths = document["paths"]?.objectValue?.keys ?? []
        #expect(paths.contains { $0.hasPrefix("/api/task/{") && $0.hasSuffix("}/status") })
    }

    @Test("tokens are made, listed and revoked while the daemon is stopped and while it runs")
    func tokens() async throws {
        try await withSlots(1) {
            let configuration = "auth: { open_surfaces: never }\nplugins: { gateway: {} }"
            let first = try await DaemonProcess.start(configuration)
            defer { first.end() }
            try await first.terminate()
            let file = first.directory.file("comfyd.yaml")
            let places = ["--config", file, "--state-dir", first.directory.file("state")]
            let stopped = try await Self.makeToken("stopped", places)

            let daemon = try await DaemonProcess.start(nil, in: first.directory)
            defer { daemon.end() }
            let live = places + ["--listen", "127.0.0.1:\(daemon.port)"]
            let running = try await Self.makeToken("running", live)
            for token in [stopped, running] {
                #expect(try await daemon.probe.bearing(token).get("/api/workers").status == 200)
                #expect(try await daemon.probe.get("/api/workers", [("X-API-Key", token)]).status == 200)
                #expect(try await daemon.probe.bearing(token).get("/api/admin/plugins").status == 403)
            }

            let list = try await run(Places.comfyd, ["token", "list"] + live)
            #expect(list.output.contains("stopped") && list.output.contains("running"), "\(list)")
            #expect(!list.output.contains(stopped) && !list.output.contains(running))
            let line = try #require(list.output.split(separator: "\n").first { $0.contains("running") })
            let id = try #require(line.split(separator: " ").first)
            let revoked = try await run(Places.comfyd, ["token", "revoke", String(id)] + live)
            #expect(revoked.status == .code(0), "\(revoked)")
            try await eventually("the revoked token is refused") {
                try await daemon.probe.bearing(running).get("/api/workers").status == 401
            }
            #expect(try await daemon.probe.bearing(stopped).get("/api/workers").status == 200)
        }
    }

    private static func makeToken(_ name: String, _ places: [String]) async throws -> String {
        let result = try await run(Places.comfyd, ["token", "create", name] + places)
        #expect(result.status == .code(0), "\(result)")
        let words = result.output.split { $0.isWhitespace || $0 == "\"" }
        return String(try #require(words.max { $0.count < $1.count }))
    }
}
