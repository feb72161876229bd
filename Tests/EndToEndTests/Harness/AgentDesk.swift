import PluginAPI
import Synchronization
import Testing

/// A daemon with agents and alerts, as both sides see it, and an address of agents that takes each task and does nothing.
final class AgentDesk: Sendable {
    /// Where agents are pushed to.
    let taker: LocalServer
    private let environment: [String: String]
    private let current: Mutex<DaemonProcess>

    fileprivate init(_ daemon: DaemonProcess, _ environment: [String: String], _ taker: LocalServer) {
        (self.environment, self.taker) = (environment, taker)
        current = Mutex(daemon)
    }

    /// The daemon that runs now.
    var daemon: DaemonProcess { current.withLock { $0 } }

    /// Ends the daemon as a power cut does, and starts it again on the same state and port.
    func crash() async throws {
        let dead = daemon
        let port = dead.port
        try await dead.crash()
        let next = try await eventually("the daemon serves on port \(port) again\n\(dead.tail)") {
            try? await DaemonProcess.start(nil, in: dead.directory, port: port, environment: self.environment)
        }
        current.withLock { $0 = next }
    }

    /// Sends a request below `/api/admin/comfyui` as the administrator; the body is sent as it stands.
    func admin(_ method: String, _ path: String, _ body: String? = nil) async throws -> HTTPAnswer {
        try await send(method, "/api/admin/comfyui" + path, as: daemon.adminToken, body)
    }

    /// Sends a request below `/api/agent`; the body is sent as it stands.
    func agent(
        _ method: String, _ path: String, as token: String?, _ body: String? = nil
    ) async throws -> HTTPAnswer {
        try await send(method, "/api/agent" + path, as: token, body)
    }

    /// Sends a request with a token, or without one; the body is sent as it stands.
    func send(_ method: String, _ path: String, as token: String?, _ body: String?) async throws -> HTTPAnswer {
        let probe = token.map { daemon.probe.bearing($0) } ?? daemon.probe
        let fields = body == nil ? [] : [("Content-Type", "application/json")]
        return try await probe.send(method, path, fields, body: body.map { Array($0.utf8) })
    }

    /// Adds what a test needs; all of it has to be taken.
    ///
    /// - Returns: The answer's body.
    @discardableResult
    func add(_ path: String, _ body: JSON) async throws -> JSON {
        let answer = try await admin("POST", path, body.text())
        try #require(answer.status == 200, "\(path): \(answer)")
        return answer.json
    }

    /// Makes a token of an agent.
    func token(of agent: String) async throws -> String {
        try #require(try await add("/agents/\(agent)/token", [:])["token"]?.stringValue)
    }

    /// Makes a task that is pushed at once, and takes the token out of the push.
    func taskToken(_ wish: JSON) async throws -> String {
        let id = try #require(try await add("/tasks", wish)["id"])
        return try #require(pushed(id)?["token"]?.stringValue)
    }

    /// The last push of a task.
    func pushed(_ id: JSON) -> JSON? {
        taker.requests.reversed().compactMap { try? JSON(parsing: $0.body) }.first { $0["task_id"] == id }
    }
}

/// Runs a body with a daemon that has agents and alerts; all is ended afterwards whatever happens.
///
/// - Parameters:
///   - agents: Lines for the section of the agents; tasks may be pushed to loopback already.
///   - alerts: Lines for the section of the alerts.
///   - environment: Variables for the daemon.
func withAgentDesk<T>(
    agents: String = "", alerts: String = "", in directory: TemporaryDirectory? = nil,
    environment: [String: String] = [:], _ body: (AgentDesk) async throws -> T
) async throws -> T {
    let indented = { (lines: String) in lines.split(separator: "\n").map { "    \($0)" } }
    let lines =
        ["plugins:", "  agents:", "    push_targets: [127.0.0.0/8]"] + indented(agents) + ["  alerts:"]
        + (alerts.isEmpty ? ["    enabled: true"] : indented(alerts))
    let taker = try LocalServer { _ in
        var answer = LocalServer.Answer.json(["status": "accepted"])
        answer.status = 202
        return answer
    }
    return try await withSlots(1) {
        let daemon = try await DaemonProcess.start(
            lines.joined(separator: "\n"), in: directory, environment: environment)
        let desk = AgentDesk(daemon, environment, taker)
        defer { desk.daemon.end() }
        return try await body(desk)
    }
}
