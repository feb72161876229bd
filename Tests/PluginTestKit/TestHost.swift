package import Host
package import PluginAPI
import Synchronization

/// Runs one plugin for a test: real router, SQLite, migrations and metrics; a clock, a client and logs that the test holds.
///
/// ```swift
/// let host = try TestHost<WeatherPlugin>(configuration: ["city": "Bonn"])
/// try await host.start()
/// let answer = await host.send(.get, "/api/weather/now", principal: .testKey)
/// await host.stop()
/// ```
package final class TestHost<P: Plugin>: Sendable {
    /// The plugin.
    package let plugin: P
    /// What the plugin is given.
    package let context: PluginContext
    /// Where the plugin's folder and the database are; give it to another host to try a restart.
    package let directory: TestDirectory
    package let router: Router
    package let database: SQLiteDatabase
    package let client: StubHTTPClient
    package let clock: ManualClock
    package let logs: CapturedLogs
    package let metrics: MetricsRegistry
    package let events: CapturedEvents
    package let access: TestAccess

    let authenticator: TestAuthenticator
    let declared: TestDeclarations
    let tasks: TestTasks
    private let requests = Atomic<Int>(0)

    /// Makes the plugin and lets it declare; nothing runs yet.
    ///
    /// - Throws: ``TestHostError`` with all problems of the configuration; ``RouteTableError``; what the plugin throws.
    package init(
        configuration: JSON = [:], environment: [String: String] = [:], openSurfaces: Bool = true,
        capabilities: Capabilities = Capabilities(), daemon: DaemonSettings? = nil,
        client: StubHTTPClient = StubHTTPClient(), clock: ManualClock = ManualClock(), directory: TestDirectory? = nil
    ) throws {
        let name = P.manifest.name
        let directory = try directory ?? TestDirectory()
        self.directory = directory
        self.client = client
        self.clock = clock
        logs = CapturedLogs()
        events = CapturedEvents()
        access = TestAccess(openSurfaces: openSurfaces)
        authenticator = TestAuthenticator()
        let logger = Logger(sink: logs, facts: [("plugin", name)])
        metrics = MetricsRegistry(logger: logger)
        var settings = SQLiteSettings()
        settings.isDurable = false
        database = try SQLiteDatabase.open(path: directory.path + "/comfyd.db", settings: settings, logger: logger)
        var context = PluginContext(
            name: name, dataDirectory: try directory.folder(name), logger: logger, clock: clock,
            metrics: metrics.factory(plugin: name), database: database, httpClient: client, auth: authenticator,
            secrets: TestSecrets(), events: events, capabilities: capabilities,
            daemon: daemon ?? Self.settings(in: directory.path))
        context.cryptography = OpenSSLCryptography()
        self.context = context
        let section = try Self.read(configuration, environment)
        plugin = try P(configuration: section, context: context)
        var setup = PluginSetup(plugin: name)
        try plugin.configure(&setup)
        declared = TestDeclarations(setup)
        tasks = TestTasks(logger: logger)
        router = Router(
            table: try RouteTable(plugins: [PluginRoutes(plugin: name, setup: setup)]), authenticator: authenticator,
            access: access, metrics: metrics, clock: clock)
    }

    /// Runs the migrations, starts the plugin and then its services and schedules.
    ///
    /// - Throws: What migrations and the plugin throw.
    package func start() async throws {
        let migrator = Migrator(database: database, time: clock, logger: context.logger)
        try await migrator.run(plugin: context.name, declared.migrations)
        try await plugin.start()
        for service in declared.services { tasks.run(service) }
        for schedule in declared.schedules { tasks.run(schedule, clock) }
    }

    /// Ends as the daemon does: refuse, drain, tell the services, cancel what takes longer than `deadline`, stop.
    package func stop(deadline: Duration = .seconds(5)) async {
        router.setDraining(true, plugin: context.name)
        await plugin.drain()
        router.endEvents(plugin: context.name)
        await tasks.end(deadline: deadline)
        await plugin.stop()
        await database.close()
    }

    /// Ends as `kill -9` does, as far as one process can: nothing is drained or told, every task is cancelled.
    package func kill() async {
        await tasks.end(deadline: .zero)
        await database.close()
    }

    /// Settings whose folders are below a test's own.
    private static func settings(in directory: String) -> DaemonSettings {
        var settings = DaemonSettings(configurationDirectory: directory)
        settings.inputDirectory = directory + "/input"
        return settings
    }

    private static func read(_ configuration: JSON, _ environment: [String: String]) throws -> P.Configuration {
        guard let values = configuration.objectValue else { throw TestHostError("the configuration is no section") }
        var reader = ConfigReader(
            path: "plugins.\(P.manifest.name)", values: values, sources: .init(environment: environment))
        for key in ["enabled", "on_start_error"] { reader.ignore(key) }
        let section = P.Configuration(&reader)
        let problems = reader.finished().problems
        guard problems.isEmpty else { throw TestHostError(problems.map(\.description).joined(separator: "\n")) }
        return section
    }
}

// MARK: - Requests

extension TestHost {
    /// Sends a request and reads the whole answer; an accepted WebSocket is a 101 that nobody listens to.
    package func send(
        _ method: HTTPMethod, _ path: String, headers: HTTPFields = [:], body: HTTPBody = HTTPBody(),
        principal: Principal? = nil
    ) async -> TestResponse {
        switch await router.respond(to: request(method, path, headers, body, principal)) {
        case .response(let response): await TestResponse(response, method: method)
        case .upgrade: await TestResponse(Response(status: 101))
        }
    }

    /// Sends a request with a JSON body.
    package func send(
        _ method: HTTPMethod, _ path: String, headers: HTTPFields = [:], json: JSON, principal: Principal? = nil
    ) async -> TestResponse {
        var headers = headers
        if headers["Content-Type"] == nil { headers["Content-Type"] = "application/json" }
        let body = HTTPBody(json.serialized(.compact))
        return await send(method, path, headers: headers, body: body, principal: principal)
    }

    /// Opens a WebSocket and returns the client's end.
    ///
    /// - Throws: ``TestUpgradeRefused`` with the answer that came instead.
    package func connect(
        _ path: String, headers: HTTPFields = [:], principal: Principal? = nil
    ) async throws -> MemoryWebSocket {
        var headers = headers
        headers["Upgrade"] = "websocket"
        headers["Connection"] = "Upgrade"
        switch await router.respond(to: request(.get, path, headers, HTTPBody(), principal)) {
        case .response(let response): throw TestUpgradeRefused(response: await TestResponse(response))
        case .upgrade(_, let run):
            let (server, client) = MemoryWebSocket.pair()
            tasks.run {
                await run(server)
                await server.close(code: 1000, reason: "")
            }
            return client
        }
    }

    private func request(
        _ method: HTTPMethod, _ path: String, _ headers: HTTPFields, _ body: HTTPBody, _ principal: Principal?
    ) -> Request {
        let id = "test-\(requests.wrappingAdd(1, ordering: .relaxed).newValue)"
        var headers = headers
        if headers["Host"] == nil { headers["Host"] = "test.local" }
        if let principal { headers["Authorization"] = "Bearer " + authenticator.token(for: principal) }
        return Request(
            id: id, method: method, target: path, headers: headers, body: body,
            logger: context.logger.with(["request.id": id]), remoteAddress: "127.0.0.1")
    }
}

// MARK: - What else was declared

extension TestHost {
    /// Hands an event to the plugin's subscriptions, one after the other.
    ///
    /// - Throws: What a handler throws.
    package func deliver(_ event: some Event) async throws {
        for subscription in declared.subscriptions where subscription.name == type(of: event).name {
            try await subscription.handle(event)
        }
    }

    /// The results of the plugin's health checks by name.
    package func health() async -> [String: HealthStatus] {
        var results: [String: HealthStatus] = [:]
        for check in declared.healthChecks { results[check.name] = await check.check() }
        return results
    }

    /// What the plugin provides under a key.
    package func capability<Value>(_ key: CapabilityKey<Value>) -> Value? {
        declared.provided.first { $0.name == key.name && $0.version == key.version }?.value as? Value
    }

    /// The number after a series in the metrics, such as `comfyd_gateway_jobs_total{state="done"}`.
    package func metric(_ series: String) -> Double? {
        let line = metrics.text().split(separator: "\n").first { $0.hasPrefix(series + " ") }
        return line.flatMap { Double($0.dropFirst(series.count + 1)) }
    }
}

/// The answer that came instead of an upgrade.
package struct TestUpgradeRefused: Error {
    package let response: TestResponse
}

extension Principal {
    /// The operator.
    package static let testAdmin = Principal(kind: .admin, id: "admin", name: "Operator")
    /// The holder of a key without scopes.
    package static let testKey = Principal(kind: .apiKey, id: "key-1", name: "Key")
}
