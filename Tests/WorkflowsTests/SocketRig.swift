import PluginAPI
import PluginTestKit
import Testing

@testable import Workflows

/// A client of the WebSocket of `/api/v1`.
struct SocketClient {
    let socket: MemoryWebSocket

    /// Sends a message.
    func send(_ type: String, _ data: JSON = [:]) async throws {
        try await socket.send(.text(JSON.object(["type": .string(type), "data": data]).text()))
    }

    /// The next message; `nil` once the connection is closed.
    func receive() async throws -> JSON? {
        guard case .text(let text) = try await socket.receive() else { return JSON?.none }
        return try JSON(parsing: text)
    }

    /// The next message, which has to be of a type; its data.
    @discardableResult
    func next(_ type: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> JSON {
        let message = try #require(try await receive(), "closed", sourceLocation: sourceLocation)
        #expect(message["type"]?.stringValue == type, "\(message)", sourceLocation: sourceLocation)
        return try #require(message["data"], sourceLocation: sourceLocation)
    }

    /// The types of the messages up to one of a type, and that one's data.
    func upTo(_ type: String) async throws -> (types: [String], data: JSON) {
        var types: [String] = []
        while true {
            let message = try #require(try await receive(), "closed after \(types)")
            let found = try #require(message["type"]?.stringValue)
            types.append(found)
            if found == type { return (types, try #require(message["data"])) }
        }
    }

    /// Asks for a `pong` and expects it next: nothing was told in between.
    func expectSilence(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await send("ping")
        try await next("pong", sourceLocation: sourceLocation)
    }

    /// Reads on until the connection is closed, and gives the code.
    func closing() async throws -> UInt16? {
        while try await socket.receive() != nil {}
        return socket.closeCode
    }
}

extension WorkflowsRig {
    /// Connects as a client, without reading anything.
    func dial(_ clientID: String, principal: Principal? = nil) async throws -> SocketClient {
        SocketClient(socket: try await host.connect("/api/v1/ws/\(clientID)", principal: principal))
    }

    /// Connects as a client and reads the greeting.
    func connect(_ clientID: String, principal: Principal? = nil) async throws -> SocketClient {
        let client = try await dial(clientID, principal: principal)
        try await client.next("system")
        try await client.next("status")
        return client
    }

    /// Connects as a client whose connection has a clock of its own, on which nothing else sleeps, and reads the greeting.
    func serve(_ clientID: String, clock: ManualClock, timeout: Duration = .zero) async throws -> SocketClient {
        let (server, socket) = MemoryWebSocket.pair()
        let session = session(clientID, server, clock, timeout: timeout)
        Task { await session.run() }
        let client = SocketClient(socket: socket)
        try await client.next("system")
        try await client.next("status")
        return client
    }

    /// A connection that nobody has registered.
    func session(
        _ clientID: String, _ socket: any WebSocket, _ clock: ManualClock, timeout: Duration = .zero
    ) -> ClientSession {
        let plugin = host.plugin
        let services = SocketServices(
            backends: plugin.backends, submitter: WorkflowSubmitter(backends: plugin.backends),
            interrupter: WorkflowInterrupter(backends: plugin.backends), ledger: plugin.ledger, clock: clock,
            logger: Logger(), timeout: timeout)
        let request = Request(id: "r", method: .get, target: "/api/v1/ws/\(clientID)")
        return ClientSession(clientID: clientID, request: request, socket: socket, services: services)
    }

    /// Tells of a prompt's state; the job is known to the backend from then on.
    @discardableResult
    func move(
        _ promptID: String, of clientID: String, to state: JobState, caller: String? = nil,
        _ change: (inout PromptJob) -> Void = { _ in }
    ) async throws -> PromptJob {
        var job = try await backend.job(promptID) ?? PromptJob(promptID: promptID, state: state)
        job.state = state
        job.clientID = clientID
        job.caller = caller ?? job.caller
        if state == .running { job.startedAt = host.clock.wallClock }
        if state.isFinal { job.finishedAt = host.clock.wallClock }
        change(&job)
        backend.tell(.state(job), of: promptID, client: clientID)
        return job
    }

    /// Tells of a server's message about a prompt.
    func say(_ type: String, _ data: JSON, of promptID: String, client clientID: String) {
        backend.tell(.message(type: type, data: data), of: promptID, client: clientID)
    }

    /// Gives a prompt a result with one image.
    func store(_ promptID: String, outputs: JSON = Self.outputs, status: JSON = ["status_str": "success"]) {
        backend.script { $0.histories[promptID] = ["outputs": outputs, "status": status] }
    }

    static var outputs: JSON { ["9": ["images": [["filename": "a.png", "subfolder": "", "type": "output"]]]] }

    /// A workflow that the fake backend takes.
    static var workflow: JSON { ["9": ["class_type": "SaveImage", "inputs": [:]]] }

    /// The id of a workflow that is submitted over a connection, its answer read.
    func submit(_ client: SocketClient) async throws -> String {
        try await client.send("submit", ["workflow": Self.workflow])
        let promptID = try #require(try await client.next("system")["prompt_id"]?.stringValue)
        try await client.next("status")
        return promptID
    }
}
