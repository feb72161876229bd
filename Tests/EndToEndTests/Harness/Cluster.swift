import PluginAPI
import Synchronization

/// A simulated ComfyUI server: a daemon of its own with the simulator alone.
final class SimulatedServer: Sendable {
    let name: String
    let directory: TemporaryDirectory
    private let settings: String
    private let current: Mutex<DaemonProcess>
    let port: UInt16

    private init(_ name: String, _ settings: String, _ directory: TemporaryDirectory, _ daemon: DaemonProcess) {
        self.name = name
        self.settings = settings
        self.directory = directory
        port = daemon.port
        current = Mutex(daemon)
    }

    static func start(_ name: String, settings: String) async throws -> SimulatedServer {
        let directory = try TemporaryDirectory()
        let daemon = try await DaemonProcess.start(configuration(name, settings), in: directory)
        return SimulatedServer(name, settings, directory, daemon)
    }

    var daemon: DaemonProcess { current.withLock { $0 } }
    var probe: HTTPProbe { HTTPProbe(port: port) }
    var url: String { "http://127.0.0.1:\(port)" }

    /// Starts it again on its port; what it had in memory is gone, as with a real server.
    func restart() async throws {
        let daemon = try await eventually("port \(port) is free again") {
            try? await DaemonProcess.start(Self.configuration(name, settings), in: directory, port: port)
        }
        current.withLock { $0 = daemon }
    }

    /// The prompts it ended, by id.
    func history() async throws -> JSONObject {
        try await probe.get("/history").json.objectValue ?? [:]
    }

    private static func configuration(_ name: String, _ settings: String) -> String {
        """
        plugins:
          simulator:
            name: \(name)
            run_log: runs.log
        \(settings.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n"))
        """
    }
}

/// A gateway and simulated servers behind it.
final class Cluster: Sendable {
    private let service: Service

    fileprivate init(_ service: Service) {
        self.service = service
    }

    var servers: [SimulatedServer] { service.servers }
    var directory: TemporaryDirectory { service.directory }
    var gateway: DaemonProcess { service.daemon }
    var probe: HTTPProbe { service.probe }

    /// Starts the gateway again on the same state, on any free port.
    func restartGateway() async throws {
        try await service.restart()
    }

    /// Hands a graph in and gives its id.
    ///
    /// - Throws: ``Refused`` for any answer but 200.
    @discardableResult
    func submit(_ graph: JSON) async throws -> String {
        let answer = try await probe.post("/api/prompt", ["prompt": graph, "client_id": "e2e"])
        guard answer.status == 200, let id = answer.json["prompt_id"]?.stringValue else {
            throw Refused(answer: answer)
        }
        return id
    }

    /// Queues a graph with a priority and gives its gateway job id.
    ///
    /// - Throws: ``Refused`` for any answer but 200.
    func queue(_ graph: JSON, priority: Int) async throws -> String {
        let answer = try await probe.post(
            "/api/prompt", ["prompt": graph, "client_id": "e2e", "priority": .number(JSONNumber(priority))])
        guard answer.status == 200, answer.json["status"] == "queued", answer.json["prompt_id"] == nil,
            let id = answer.json["gateway_job_id"]?.stringValue
        else { throw Refused(answer: answer) }
        return id
    }

    /// The answer of `/api/task/gateway/{id}`.
    func gatewayJob(_ id: String) async throws -> JSON {
        let answer = try await probe.get("/api/task/gateway/\(id)")
        guard answer.status == 200, answer.json["gateway_job_id"] == .string(id) else { throw Refused(answer: answer) }
        return answer.json
    }

    /// Waits until a job with a priority has a status, and gives the answer.
    @discardableResult
    func gatewayJob(_ id: String, becomes status: String, within seconds: Double = 30) async throws -> JSON {
        try await eventually("job \(id) is \(status)\n\(gateway.tail)", within: seconds) {
            let job = try await self.gatewayJob(id)
            return job["status"] == .string(status) ? job : JSON?.none
        }
    }

    /// The answer of `/api/task/{id}/status`.
    func status(_ id: String) async throws -> JSON {
        let answer = try await probe.get("/api/task/\(id)/status")
        guard answer.status == 200 else { throw Refused(answer: answer) }
        return answer.json
    }

    /// Waits until a job ended, and gives its last status.
    @discardableResult
    func ended(_ id: String, within seconds: Double = 30) async throws -> JSON {
        try await eventually("job \(id) ends\n\(gateway.tail)", within: seconds) {
            let status = try await self.status(id)
            // A bare `nil` would be the JSON value here.
            return ["done", "failed"].contains(status["status"]?.stringValue) ? status : JSON?.none
        }
    }

    /// The history entry of a job; `nil` while there is none.
    func history(_ id: String) async throws -> JSON? {
        let answer = try await probe.get("/api/history/\(id)")
        guard answer.status == 200 else { throw Refused(answer: answer) }
        return answer.json[id]
    }

    /// Follows a link of an answer to the gateway itself.
    ///
    /// - Throws: ``TimedOut`` when it leads elsewhere.
    func fetch(link: String) async throws -> HTTPAnswer {
        guard let target = link.firstRange(of: "127.0.0.1:\(gateway.port)")?.upperBound else {
            throw TimedOut(description: "not a link to the gateway: \(link)")
        }
        return try await probe.get(String(link[target...]))
    }
}

/// An answer that was not expected.
struct Refused: Error, CustomStringConvertible {
    let answer: HTTPAnswer

    var description: String { "\(answer)" }
}

/// Runs a body with a gateway and servers registered in it; all are ended afterwards whatever happens.
///
/// - Parameters:
///   - servers: How many.
///   - settings: Lines for the simulators' section.
///   - gateway: Lines for the gateway's section.
///   - others: Plugins that run beside the gateway, with their defaults.
///   - top: Lines for the top of the gateway's configuration.
///   - directory: The gateway's folder; a new one when absent.
///   - environment: Variables for the gateway.
func withCluster<T>(
    servers count: Int = 2, settings: String = "", gateway lines: String = "", others: [String] = [],
    top: String = "", in directory: TemporaryDirectory? = nil, environment: [String: String] = [:],
    _ body: (Cluster) async throws -> T
) async throws -> T {
    try await withServers(
        count, settings: settings,
        plugins: [(name: "gateway", lines: lines)] + others.map { (name: $0, lines: "") }, top: top, in: directory,
        environment: environment
    ) { try await body(Cluster($0)) }
}
