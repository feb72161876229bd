import PluginAPI
import Synchronization

/// What a daemon runs its prompts on.
enum ServiceKind: CaseIterable, Sendable {
    /// The gateway's workers.
    case cluster
    /// The one server of `comfyui.base_url`.
    case single
}

/// A daemon and the simulated servers that it uses.
final class Service: Sendable {
    /// The servers; one when there is no gateway.
    let servers: [SimulatedServer]
    /// The daemon's folder.
    let directory: TemporaryDirectory
    private let environment: [String: String]
    private let current: Mutex<DaemonProcess>

    /// Starts a daemon that knows the servers.
    ///
    /// - Throws: ``DaemonFailure``.
    fileprivate init(
        _ servers: [SimulatedServer], configuration: String, in directory: TemporaryDirectory?,
        environment: [String: String]
    ) async throws {
        let daemon = try await DaemonProcess.start(configuration, in: directory, environment: environment)
        self.servers = servers
        self.environment = environment
        self.directory = daemon.directory
        current = Mutex(daemon)
    }

    /// The daemon that runs now.
    var daemon: DaemonProcess { current.withLock { $0 } }
    /// A client of the daemon without token.
    var probe: HTTPProbe { daemon.probe }

    /// Starts the daemon again on the same state, on any free port; it has to be ended before.
    ///
    /// - Parameter configuration: Another text of `comfyd.yaml`; `nil` keeps the one that is there.
    func restart(configuration: String? = nil) async throws {
        let daemon = try await DaemonProcess.start(configuration, in: directory, environment: environment)
        current.withLock { $0 = daemon }
    }

    /// Makes the servers known to the gateway.
    fileprivate func register() async throws {
        for server in servers {
            let answer = try await probe.post(
                "/api/workers", ["url": .string(server.url), "name": .string(server.name)])
            guard answer.status == 200 else { throw Refused(answer: answer) }
        }
    }

    fileprivate func end() {
        daemon.end()
        for server in servers { server.daemon.end() }
    }
}

/// Runs a body with a daemon that serves workflows, and the servers behind it; all are ended afterwards whatever happens.
///
/// - Parameters:
///   - kind: Whether the gateway's workers run the prompts, or one server without gateway.
///   - servers: How many workers; there is always one without gateway.
///   - settings: Lines for the simulators' section.
///   - workflows: Lines for the section of the workflows plugin.
///   - gateway: Lines for the gateway's section.
///   - top: Lines for the top of the daemon's configuration.
///   - directory: The daemon's folder; a new one when absent.
///   - environment: Variables for the daemon.
func withService<T>(
    _ kind: ServiceKind, servers count: Int = 2, settings: String = "", workflows: String = "", gateway: String = "",
    top: String = "", in directory: TemporaryDirectory? = nil, environment: [String: String] = [:],
    _ body: (Service) async throws -> T
) async throws -> T {
    var plugins = [(name: "workflows", lines: workflows)]
    if kind == .cluster { plugins.append((name: "gateway", lines: gateway)) }
    return try await withServers(
        kind == .cluster ? count : 1, settings: settings, plugins: plugins, top: top, in: directory,
        environment: environment, body)
}

/// Runs a body with a daemon of some plugins and servers, which are registered in its gateway or else are its `comfyui.base_url`.
///
/// - Parameter plugins: The daemon's plugins, each with the lines of its section.
func withServers<T>(
    _ count: Int, settings: String, plugins: [(name: String, lines: String)], top: String,
    in directory: TemporaryDirectory?, environment: [String: String], _ body: (Service) async throws -> T
) async throws -> T {
    try await withSlots(count + 1) {
        let servers = try await concurrently(Array(0..<count)) {
            try await SimulatedServer.start("sim-\($0 + 1)", settings: settings)
        }
        let hasGateway = plugins.contains { $0.name == "gateway" }
        var environment = environment
        if !hasGateway, let only = servers.first { environment["COMFYUI_BASE_URL"] = only.url }
        let sections = plugins.map { plugin in
            let lines = plugin.lines.split(separator: "\n").map { "    \($0)" }
            return (["  \(plugin.name):", "    enabled: true"] + lines).joined(separator: "\n")
        }
        let configuration = "\(top)\nplugins:\n\(sections.joined(separator: "\n"))\n"
        let service: Service
        do {
            service = try await Service(servers, configuration: configuration, in: directory, environment: environment)
        } catch {
            for server in servers { server.daemon.end() }
            throw error
        }
        defer { service.end() }
        if hasGateway { try await service.register() }
        return try await body(service)
    }
}
