internal import PluginAPI

/// `/ws`: one connection from its greeting to its end.
struct SocketController: Sendable {
    let server: SimulatedServer

    func declare(in group: inout RouteGroup) {
        for path in ["/ws", "/api/ws"] {
            group.webSocket(path, docs: "Tells about queue and jobs.", use: run)
        }
    }

    /// Owns a connection until one side ends it.
    ///
    /// - Throws: When the imitated process cuts the connection, so that no close frame is sent.
    func run(_ request: Request, _ socket: any WebSocket) async throws {
        let connection = open(request)
        defer { server.hub.unregister(connection.sid) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while let message = await connection.next() {
                    // A client that is gone is no failure.
                    do { try await socket.send(message) } catch { return }
                    server.hub.flush()
                }
                try Task.checkCancellation()
                throw Answer.ConnectionCut()
            }
            group.addTask {
                var greeter = ClientGreeting()
                while let message = try? await socket.receive() {
                    guard let previews = greeter.read(message) else { continue }
                    connection.previews = previews
                    _ = connection.offer(SocketMessage.event("feature_flags", InfoController.features))
                }
            }
            group.addTask {
                await connection.dropped()
                try Task.checkCancellation()
                throw Answer.ConnectionCut()
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func open(_ request: Request) -> SocketConnection {
        let given = request.query["clientId"] ?? ""
        let (sid, limit, remaining, node) = server.withState { state -> (String, Int, Int, String?) in
            let sid = given.isEmpty ? state.random.hex(32) : given
            let isOwn = state.running?.submitter == .client(sid)
            return (sid, state.settings.socketBuffer, state.remaining, isOwn ? state.runningNode : nil)
        }
        let connection = SocketConnection(sid: sid, limit: limit)
        var greeting = [SocketMessage.status(remaining: remaining, sid: sid)]
        if let node { greeting.append(SocketMessage.event("executing", ["node": .string(node)])) }
        server.hub.register(connection, greeting: greeting)
        return connection
    }
}

/// Finds the flags of a client, which count only in its first message.
struct ClientGreeting {
    private var isOver = false

    /// How the client wants previews, if this message says so.
    mutating func read(_ message: WebSocketMessage) -> SocketConnection.Previews? {
        guard !isOver, case .text(let text) = message, let value = try? JSON(parsing: text),
            let members = value.objectValue
        else { return nil }
        isOver = true
        guard members["type"] == "feature_flags" else { return nil }
        guard let flags = (members["data"] ?? [:]).objectValue else { return .broken }
        return flags["supports_preview_metadata"] == true ? .withMetadata : .legacy
    }
}
