import PluginAPI

/// `GET /api/v1/ws/{client_id}`.
struct SocketController: Sendable {
    /// What the connections share.
    let services: SocketServices
    /// The open connections.
    let registry: SessionRegistry

    /// The largest message of a client in bytes.
    static let mostBytes = 8 << 20
    /// The most characters of a client id.
    static let longestClientID = 100

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.webSocket(
            "/api/v1/ws/{client_id}", String.self,
            docs: OperationDocs(
                "WebSocket: submits workflows, and tells what becomes of all prompts of the client id.",
                description: """
                    Messages are JSON texts `{"type", "data"}`. From the client: `submit`, `ping`, `interrupt`, `subscribe`. To the \
                    client: `system`, `status`, `executing`, `progress`, `executed`, `execution_error`, `result`, `pong`; each \
                    prompt has exactly one `result`, which a client that was away gets when it is back. A second connection of \
                    a client id closes the first with 4001; a client that is too slow is closed with 1013.
                    """,
                errors: [
                    (400, "`WEBSOCKET_ERROR`: the client id is longer than \(Self.longestClientID) characters."),
                    (426, "The request is no upgrade."),
                    (503, "`WEBSOCKET_ERROR`: too many connections, or the service stops."),
                ]),
            accept: { request in
                let clientID = request.pathParameters.first ?? ""
                guard !clientID.isEmpty, clientID.unicodeScalars.count <= Self.longestClientID else {
                    throw HTTPError(
                        .badRequest, .webSocket, "The client id must have 1 to \(Self.longestClientID) characters.")
                }
                try registry.checkRoom()
                return WebSocketAcceptance(maximumMessageSize: Self.mostBytes)
            },
            use: serve)
    }

    private func serve(_ request: Request, _ socket: any WebSocket, _ clientID: String) async throws {
        let session = ClientSession(clientID: clientID, request: request, socket: socket, services: services)
        let key = SessionRegistry.Key(clientID: clientID, limit: JobCaller.limit(of: request.principal))
        await registry.enter(session, as: key)
        await session.run()
        registry.leave(session, as: key)
    }
}

/// What all connections use.
struct SocketServices: Sendable {
    /// What runs the prompts.
    let backends: Backends
    /// What takes workflows.
    let submitter: WorkflowSubmitter
    /// What interrupts prompts.
    let interrupter: WorkflowInterrupter
    /// Which results were told.
    let ledger: ResultLedger
    /// The clock.
    let clock: any TimeSource
    /// The plugin's logger.
    let logger: Logger
    /// How long a prompt may be executed before its client is told `TASK_TIMEOUT`; zero for ever.
    let timeout: Duration
}
