/// A small plugin, compiled while the tests run, for tests that need a second one beside the gateway or the simulator.
enum FixturePlugin {
    /// Its file; compiled once.
    static var path: String {
        get async throws { try await compilation.value }
    }

    /// Lines for `plugins:` that load it.
    static func section(_ settings: String = "") async throws -> String {
        "second: { file: \(try await path)\(settings.isEmpty ? "" : ", " + settings) }"
    }

    private static let compilation = Task {
        let folder = Places.binaries + "/end-to-end"
        _ = try await run("mkdir", ["-p", folder])
        try Files.write(folder + "/Second.swift", Array(source.utf8))
        let result = try await run(
            "swiftc",
            [
                "-swift-version", "6", "-parse-as-library", "-emit-library", "-module-name", "Second", "Second.swift",
                "-I", Places.binaries + "/Modules", "-I", Places.repository + "/Sources/PluginAPI/CPluginABI/include",
                "-L", Places.binaries, "-lPluginAPI", "-o", "libSecond.so",
            ], directory: folder, within: 120)
        guard result.status == .code(0) else { throw Files.Failure(description: "swiftc: \(result)") }
        return folder + "/libSecond.so"
    }

    private static let source = """
        public import CPluginABI
        public import PluginAPI
        import Synchronization

        final class Listeners: Sendable {
            let count = Atomic<Int>(0)
        }

        public struct SecondPlugin: Plugin {
            public static let manifest = PluginManifest(name: "second", version: "1.0.0", summary: "For tests.")

            public struct Configuration: ConfigurationSection {
                let word: String
                public init(_ config: inout ConfigReader) {
                    word = config.value("word", default: "first", "What /word answers.")
                }
            }
            let configuration: Configuration
            let context: PluginContext
            let listeners = Listeners()

            public init(configuration: Configuration, context: PluginContext) {
                (self.configuration, self.context) = (configuration, context)
            }

            public func configure(_ setup: inout PluginSetup) {
                setup.routes.group("", access: .open) { routes in
                    routes.get("/word", docs: "A word.") { [configuration] _ in configuration.word }
                    routes.get("/slow/{milliseconds}", Int.self, docs: "Takes its time.") { [context] _, milliseconds in
                        try await context.clock.sleep(for: .milliseconds(milliseconds))
                        return "awake"
                    }
                    routes.get("/listeners", docs: "How many listen.") { [listeners] _ in
                        String(listeners.count.load(ordering: .relaxed))
                    }
                    routes.get("/events", docs: "One event, and then silence.") { [context, listeners] _ in
                        Response.events(keepAlive: .seconds(300), clock: context.clock) { writer in
                            listeners.count.add(1, ordering: .relaxed)
                            defer { listeners.count.subtract(1, ordering: .relaxed) }
                            try await writer.send(ServerSentEvent("1", event: "state"))
                            try await context.clock.sleep(for: .seconds(300))
                        }
                    }
                }
            }
        }

        @c(comfyd_plugin_Second)
        public func exportSecond(_ descriptor: UnsafeMutablePointer<comfyd_plugin_descriptor>) {
            comfyd_plugin_declare(descriptor) { PluginBox.create(SecondPlugin.self) }
        }
        """
}
