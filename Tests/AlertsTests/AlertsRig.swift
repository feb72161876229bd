import Host
import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Alerts

/// The plugin with agents that a test invents.
struct AlertsRig: Sendable {
    let host: TestHost<AlertsPlugin>
    let agents: FakeAgents

    /// Sends an alert as an agent.
    func post(_ body: JSON, agent: String = "comfyui-158", token: String? = "token") async -> TestResponse {
        let headers: HTTPFields = token.map { ["Authorization": "Bearer \($0)"] } ?? [:]
        return await host.send(.post, "/api/agent/agents/\(agent)/alerts", headers: headers, json: body)
    }

    /// Sends an alert that must be taken; gives its id.
    func raise(_ type: String, _ message: String, agent: String = "comfyui-158") async throws -> Int {
        let answer = await post(["type": .string(type), "message": .string(message)], agent: agent)
        #expect(answer.status == .ok, "\(answer.text)")
        return try #require(answer.json?["id"]?.intValue)
    }

    /// Sends a request as the administrator, below `/api/admin/comfyui`.
    func admin(_ method: HTTPMethod, _ path: String) async -> TestResponse {
        await host.send(method, "/api/admin/comfyui\(path)", principal: .testAdmin)
    }

    /// The list of alerts.
    func list(_ query: String = "") async throws -> [JSON] {
        let answer = await admin(.get, "/alerts\(query)")
        #expect(answer.status == .ok, "\(answer.text)")
        return try #require(answer.json?.arrayValue)
    }

    /// The types of all alerts, the oldest first.
    func types() async throws -> [String] {
        try await list().reversed().compactMap { $0["alertType"]?.stringValue }
    }

    /// Drives the clock until something is so, which must be within a time.
    func becomes(
        within limit: Duration, at place: SourceLocation = #_sourceLocation, _ what: @Sendable () async throws -> Bool
    ) async throws {
        let done = try await host.clock.drive(atMost: limit, until: what)
        #expect(done.isSo, sourceLocation: place)
    }

    /// How many alerts wait for webhooks.
    func waiting() async throws -> Int {
        try await host.database.read { connection in
            try connection.first("SELECT COUNT(*) AS n FROM alerts_outbox") { try $0.get("n", as: Int.self) } ?? 0
        }
    }

    /// Drives the clock until none waits any more; whether that came within a time.
    func emptiesOutbox(within limit: Duration = .seconds(30)) async throws -> Bool {
        try await host.clock.drive(atMost: limit) { try await waiting() == 0 }.isSo
    }

    /// Hands in the news of an agent.
    func tell(_ id: String, isOnline: Bool, heartbeat: Timestamp?, at time: Timestamp? = nil) async throws {
        let presence = AgentPresence(agentID: id, isOnline: isOnline, lastHeartbeatAt: heartbeat)
        try await host.deliver(AgentPresenceChanged(presence: presence, at: time ?? host.clock.wallClock))
    }
}

/// Runs a body with the plugin, and stops it afterwards.
func withAlerts(
    configuration: JSON = [:], environment: [String: String] = [:], hasAgents: Bool = true,
    agents: FakeAgents = FakeAgents(), client: StubHTTPClient = StubHTTPClient(), clock: ManualClock = ManualClock(),
    directory: TestDirectory? = nil, body: (AlertsRig) async throws -> Void
) async throws {
    let host = try TestHost<AlertsPlugin>(
        configuration: configuration, environment: environment,
        capabilities: hasAgents ? agents.capabilities : Capabilities(), client: client, clock: clock,
        directory: directory)
    try await host.start()
    do {
        try await body(AlertsRig(host: host, agents: agents))
    } catch {
        await host.stop()
        throw error
    }
    await host.stop()
}

/// Agents of which a test says who they are, and whether they are heard of.
final class FakeAgents: AgentDirectory {
    private let state = Mutex<[String: AgentPresence]>([:])
    private let ids: Set<String>

    /// Makes agents that may post with the token `token`.
    init(_ ids: Set<String> = ["comfyui-158", "comfyui-159"]) { self.ids = ids }

    /// Capabilities in which these are the agents.
    var capabilities: Capabilities {
        Capabilities { name, _ in
            name == CapabilityKey<any AgentDirectory>.agentDirectory.name ? self as any AgentDirectory : nil
        }
    }

    /// Says how an agent is from now on; `nil` forgets it.
    func set(_ id: String, _ presence: AgentPresence?) { state.withLock { $0[id] = presence } }

    /// Says how an agent is from now on.
    func set(_ id: String, isOnline: Bool?, heartbeat: Timestamp?) {
        set(id, AgentPresence(agentID: id, isOnline: isOnline, lastHeartbeatAt: heartbeat))
    }

    func authorise(_ request: Request, as agentID: String) async throws {
        guard let header = request.headers["Authorization"] else {
            throw HTTPError(.unauthorized, "AGENT_TOKEN_REQUIRED", "An agent's token is needed.")
        }
        guard header == "Bearer token" else {
            throw HTTPError(.forbidden, "AGENT_NOT_ALLOWED", "The agent is not allowed.")
        }
        guard ids.contains(agentID) else { throw HTTPError(.notFound, "AGENT_NOT_FOUND", "There is no such agent.") }
    }

    func presences() async throws -> [AgentPresence] {
        state.withLock { $0.values.sorted { $0.agentID < $1.agentID } }
    }
}
