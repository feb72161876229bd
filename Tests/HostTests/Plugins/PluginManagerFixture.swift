import Host
import PluginAPI
import PluginTestKit
import Synchronization

/// What a test tells its plugin to do, and what the plugin did.
final class PluginScript: Sendable {
    private struct State {
        var start: @Sendable () async throws -> Void = {}
        var drain: @Sendable () async -> Void = {}
        var service: (@Sendable (any ShutdownSignal) async throws -> Void)?
        var steps: [String] = []
    }

    private let state = Mutex(State())

    var start: @Sendable () async throws -> Void {
        get { state.withLock { $0.start } }
        set { state.withLock { $0.start = newValue } }
    }

    var drain: @Sendable () async -> Void {
        get { state.withLock { $0.drain } }
        set { state.withLock { $0.drain = newValue } }
    }

    var service: (@Sendable (any ShutdownSignal) async throws -> Void)? {
        get { state.withLock { $0.service } }
        set { state.withLock { $0.service = newValue } }
    }

    /// What happened, in order.
    var steps: [String] { state.withLock { $0.steps } }

    func note(_ step: String) {
        state.withLock { $0.steps.append(step) }
    }
}

/// A plugin that does what the script of the current test says.
struct ScriptedPlugin: Plugin {
    static let manifest = PluginManifest(name: "scripted", version: "1", summary: "For tests.")

    /// Bound while a test makes its manager apply something.
    @TaskLocal static var script = PluginScript()

    let script: PluginScript

    init(configuration: NoConfiguration, context: PluginContext) { script = Self.script }

    func configure(_ setup: inout PluginSetup) {
        let script = script
        setup.routes.group("", access: .open) { routes in
            routes.webSocket("/socket", docs: "Stays open.") { _, socket in
                script.note("opened")
                while let _ = try await socket.receive() {}
                script.note("closed")
            }
            routes.get("/endless", docs: "Never ends.") { _ in
                Response(
                    body: .stream(length: nil) { writer in
                        try await writer.write([1])
                        try await Task.sleep(for: .seconds(600))
                    })
            }
        }
        setup.service("work") { signal in
            if let service = script.service { try await service(signal) } else { await signal.wait() }
            script.note("service ended")
        }
    }

    func start() async throws { try await script.start() }

    func drain() async { await script.drain() }

    func stop() async { script.note("stopped") }
}

/// A plugin manager over nothing but loops.
struct PluginManagerFixture {
    let loops = EventLoopGroup(count: 1)
    let logs = CapturedLogs()
    let router: Router
    let manager: PluginManager
    let script = PluginScript()

    init(timeout: Duration = .milliseconds(200)) throws {
        let clock = MonotonicClock(loops: loops)
        let logger = Logger(sink: logs)
        let metrics = MetricsRegistry(logger: logger)
        let capabilities = CapabilityRegistry()
        let events = LocalEventBus(logger: logger, metrics: metrics.factory())
        let authenticator = TestAuthenticator()
        let database = try SQLiteDatabase.open(path: ":memory:")
        router = Router(
            authenticator: authenticator, access: TestAccess(openSurfaces: true), metrics: metrics, clock: clock)
        manager = PluginManager(
            PluginManager.Environment(
                context: { name in
                    PluginContext(
                        name: name, dataDirectory: "/nowhere", logger: logger, clock: clock,
                        metrics: metrics.factory(plugin: name), database: database, httpClient: StubHTTPClient(),
                        auth: authenticator, secrets: TestSecrets(), events: events,
                        capabilities: capabilities.capabilities, daemon: DaemonSettings())
                }, migrate: { _, _ in }, hostRoutes: [], router: router, capabilities: capabilities, events: events,
                loops: loops, clock: clock, logger: logger, shutdownTimeout: timeout))
    }

    func apply(enabled: Bool, onStartError: StartErrorPolicy = .fail) async throws {
        let specification = PluginSpecification(name: "scripted", onStartError: onStartError)
        let wanted = PluginManager.Wanted(
            specifications: enabled ? [specification] : [],
            loader: PluginLoader(builtIn: ["scripted": ScriptedPlugin.self], directories: []),
            reader: { ConfigReader(path: "plugins.\($0)", values: [:]) })
        try await ScriptedPlugin.$script.withValue(script) { try await manager.apply(wanted) }
    }

    func respond(_ target: String, _ headers: HTTPFields = [:]) async -> ServerReply {
        await router.respond(
            to: Request(id: "r", method: .get, target: target, headers: headers, logger: Logger(sink: logs)))
    }
}
