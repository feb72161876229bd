import Host
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Gateway

/// A gateway over scripted workers, with a database in memory.
final class GatewayRig: Sendable {
    let plugin: GatewayPlugin
    let database: SQLiteDatabase
    /// The same database as the gateway sees it.
    let faults: FaultyDatabase
    let workers: [FakeComfy]
    let events: RecordedEvents
    private let routes: [RouteDeclaration]
    private let services: [ServiceDeclaration]
    private let migrations: [Migration]
    /// What it keeps on disk.
    let directory: TestDirectory

    var engine: JobEngine { plugin.engine }

    private init(
        _ workers: [FakeComfy], database: SQLiteDatabase, directory: TestDirectory, values: JSONObject,
        clock: any TimeSource
    ) throws {
        self.workers = workers
        self.database = database
        faults = FaultyDatabase(database)
        self.directory = directory
        events = RecordedEvents()
        var values = values
        values["workers"] = values["workers"] ?? .array(workers.map { ["url": .string($0.url)] })
        var reader = ConfigReader(path: "plugins.gateway", values: values)
        let settings = GatewayPlugin.Settings(&reader)
        try #require(reader.finished().problems.isEmpty)
        var daemon = DaemonSettings()
        daemon.inputDirectory = directory.path + "/input"
        let context = PluginContext(
            name: "gateway", dataDirectory: directory.path, logger: Logger(), clock: clock,
            metrics: NoMetrics(), database: faults, httpClient: FakeNetwork(workers), auth: Nobody(),
            secrets: Reversing(), events: events, capabilities: Capabilities(), daemon: daemon)
        plugin = try GatewayPlugin(configuration: settings, context: context)
        var setup = PluginSetup(plugin: "gateway")
        try plugin.configure(&setup)
        routes = setup.rootGroups.flatMap(\.routes)
        services = setup.services
        migrations = setup.migrations
    }

    /// Runs a gateway with its services while the body runs.
    static func run<T: Sendable>(
        _ workers: [FakeComfy], database kept: SQLiteDatabase? = nil, _ values: JSONObject = [:],
        clock: any TimeSource = MonotonicClock(),
        prepare: @Sendable (SQLiteDatabase) async throws -> Void = { _ in },
        _ body: @escaping @Sendable (GatewayRig) async throws -> T
    ) async throws -> T {
        let directory = try TestDirectory()
        let database = try kept ?? SQLiteDatabase.open(path: ":memory:")
        let rig = try GatewayRig(workers, database: database, directory: directory, values: values, clock: clock)
        _ = try await Migrator(database: database).run(plugin: "gateway", rig.migrations)
        try await prepare(database)
        try await rig.plugin.start()
        let result = try await withThrowingTaskGroup(of: T?.self) { group in
            for service in rig.services {
                group.addTask {
                    try await service.run(NeverShutDown())
                    return nil
                }
            }
            group.addTask { try await body(rig) }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
        await rig.plugin.drain()
        await rig.plugin.stop()
        if kept == nil { await database.close() }
        return result
    }

    // MARK: - Calling routes

    struct Answer: Sendable {
        var status: Status
        var headers: HTTPFields
        var bytes: [UInt8]
        var json: JSON { (try? JSON(parsing: bytes)) ?? .null }
    }

    /// Calls a route as a client would.
    func call(
        _ method: HTTPMethod, _ target: String, _ body: JSON? = nil, headers: HTTPFields = [:], raw: String? = nil,
        principal: Principal? = nil
    ) async -> Answer {
        let bytes = raw.map { Array($0.utf8) } ?? body?.serialized() ?? []
        var fields = headers
        if fields["host"] == nil { fields["Host"] = "gw:8000" }
        var request = Request(id: "r", method: method, target: target, headers: fields, body: HTTPBody(bytes))
        request.principal = principal
        for route in routes where route.method == method {
            guard let parameters = Self.match(route.template, request.path) else { continue }
            request.pathParameters = parameters
            guard case .respond(let run) = route.action else { continue }
            do {
                return await Self.read(try await run(request))
            } catch {
                let error =
                    error as? HTTPError ?? (error as? any HTTPErrorConvertible)?.httpError
                    ?? HTTPError(.internalServerError, "internal", "\(error)")
                var response = Surface.gateway.render(error, request)
                for field in error.headers.fields { response.headers.append(field.name, field.value) }
                return await Self.read(response)
            }
        }
        return Answer(status: .notFound, headers: [:], bytes: [])
    }

    private static func match(_ template: String, _ path: String) -> [String]? {
        let names = template.split(separator: "/")
        let parts = path.split(separator: "/")
        guard names.count == parts.count else { return nil }
        var values: [String] = []
        for (name, part) in zip(names, parts) {
            if name.hasPrefix("{") { values.append(String(part)) } else if name != part { return nil }
        }
        return values
    }

    private static func read(_ response: Response) async -> Answer {
        var bytes: [UInt8] = []
        switch response.body {
        case .bytes(let whole): bytes = whole
        case .stream(_, let write):
            let writer = Collector()
            try? await write(writer)
            bytes = writer.bytes.withLock { $0 }
        default: break
        }
        return Answer(status: response.status, headers: response.headers, bytes: bytes)
    }

    /// Submits a small workflow and gives its id.
    func submit(_ extra: JSONObject = [:]) async -> Answer {
        var body: JSONObject = ["prompt": Self.workflow]
        for (key, value) in extra { body[key] = value }
        return await call(.post, "/api/prompt", .object(body))
    }

    /// The id in the answer to a prompt that was taken.
    static func id(of answer: Answer) throws -> String {
        #expect(answer.status == .ok, "\(answer.json)")
        return try #require(answer.json["prompt_id"]?.stringValue)
    }

    /// Values with which what becomes of workers is noticed soon.
    static let fast: JSONObject = ["queue_cache_ttl": 0.25, "worker_lost_after": "1s"]

    static let workflow: JSON = [
        "3": ["class_type": "KSampler", "inputs": ["seed": .number(JSONNumber(UInt64.max)), "cfg": 8.0]],
        "9": ["class_type": "SaveImage", "inputs": ["images": ["3", 0]]],
    ]

    /// The status word of a job.
    func status(_ id: String) async -> String {
        await call(.get, "/api/task/\(id)/status").json["status"]?.stringValue ?? ""
    }

    /// Waits until a job has a status.
    func wait(_ id: String, for word: String) async throws {
        try await eventually("\(id) becomes \(word)") { await self.status(id) == word }
    }

    /// Waits until the workers' event streams are connected.
    func connected() async throws {
        try await eventually("connected") { self.workers.allSatisfy { $0.with { !$0.sockets.isEmpty } } }
    }
}

/// Waits until something is so, at most ten seconds.
func eventually(
    _ what: String, location: SourceLocation = #_sourceLocation, _ condition: @Sendable () async throws -> Bool
) async throws {
    for _ in 0..<1000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("it did not happen in time: \(what)", sourceLocation: location)
    throw CancellationError()
}

private final class Collector: BodyWriter {
    let bytes = Mutex<[UInt8]>([])
    func write(_ bytes: [UInt8]) async throws { self.bytes.withLock { $0 += bytes } }
}

private struct NeverShutDown: ShutdownSignal {
    var isShuttingDown: Bool { Task.isCancelled }
    func wait() async { try? await Task.sleep(for: .seconds(3600)) }
}

final class RecordedEvents: EventBus {
    let finished = Mutex<[JobFinished]>([])
    func publish(_ event: some Event) {
        if let event = event as? JobFinished { finished.withLock { $0.append(event) } }
    }
}

private struct NoMetrics: MetricsFactory, PluginAPI.Counter, Gauge, Histogram {
    func counter(_ name: String, _ help: String, labels: [String]) -> any PluginAPI.Counter { self }
    func gauge(_ name: String, _ help: String, labels: [String]) -> any Gauge { self }
    func histogram(_ name: String, _ help: String, labels: [String], buckets: [Double]) -> any Histogram { self }
    func increment(by amount: Double, _ labelValues: [String]) {}
    func set(_ value: Double, _ labelValues: [String]) {}
    func remove(_ labelValues: [String]) {}
    func observe(_ value: Double, _ labelValues: [String]) {}
}

private struct Nobody: Authenticator {
    func principal(for request: Request) async throws -> Principal? { nil }
}

private struct Reversing: SecretSealing {
    func seal(_ secret: Secret) throws -> String { secret.withExposed { "sealed:" + String($0.reversed()) } }
    func open(_ sealed: String) throws -> Secret { Secret(String(sealed.dropFirst("sealed:".count).reversed())) }
}
