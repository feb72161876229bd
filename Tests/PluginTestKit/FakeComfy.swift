package import PluginAPI
import Synchronization

/// A scripted ComfyUI server in memory: nothing runs until a test says so.
package final class FakeComfy: Sendable {
    /// What happens to a submission.
    package enum Behaviour: Sendable {
        /// Taken and answered.
        case take
        /// Nobody listens.
        case refuseConnections
        /// Taken, but the answer is lost.
        case loseAnswer
        /// Lost before it was taken, after it was sent.
        case loseRequest
        /// The server dies while it gets the prompt, before or after it took it; what it took, it has when it is back.
        case die(taking: Bool)
        /// Answered with this status and body, not taken.
        case answer(Status, JSON)
        /// Taken, and answered with status 500.
        case takeAndFail
        /// Never answered.
        case hang
        /// Taken after a while.
        case takeLate(Duration)
    }

    package struct State {
        package var behaviour = Behaviour.take
        /// Nobody listens.
        package var isDown = false
        /// Nobody may open a socket.
        package var refusesSockets = false
        /// Open sockets say nothing.
        package var isMute = false
        /// Requests are lost; an open socket stays open.
        package var isSilent = false
        /// What passes until a caller gives up on a lost request.
        package var silence: @Sendable () async throws -> Void = {}
        package var running: [JSON] = []
        package var pending: [JSON] = []
        package var history: [String: JSON] = [:]
        package var bodies: [JSON] = []
        package var sockets: [FakeSocket] = []
        /// How often somebody tried to open a socket.
        package var connections = 0
        package var requests: [ClientRequest] = []
        package var number = 0
        /// How many submissions are never answered.
        package var hanging = 0
        package var interrupted: [String] = []
        /// Goes on with what it was told to interrupt, as in a long node.
        package var interruptsLate = false
        /// How long answers about the history take.
        package var historyDelay = Duration.zero
        /// The ids in the history, the oldest first; others come before them.
        package var historyOrder: [String] = []
        /// The names of files it was brought.
        package var uploads: [String] = []
        /// What it answers to an upload instead of taking it.
        package var uploadAnswer: (@Sendable () async throws -> ClientResponse)?
        /// Prompts whose history cannot be read.
        package var badHistory: Set<String> = []
        package var ignoresIDs = false
        /// The pair that a proxy before the server asks for.
        package var demands: BasicCredentials?
        /// Called when a prompt arrives.
        package var onSubmit: (@Sendable () -> Void)?
        /// Called when prompts are to be deleted from the queue.
        package var onDelete: (@Sendable () -> Void)?
        package var view: (@Sendable (ClientRequest) -> ClientResponse)?
    }

    package let url: String
    private let state = Mutex(State())

    package init(_ url: String) {
        self.url = url
    }

    package func with<T: Sendable>(_ body: (inout sending State) -> sending T) -> T { state.withLock(body) }

    /// The ids that were handed over, in order, with repetitions.
    package var submitted: [String] { with { $0.bodies.compactMap { $0["prompt_id"]?.stringValue } } }
    package var count: Int { with { $0.running.count + $0.pending.count } }

    // MARK: - What the worker does

    /// Starts the first waiting prompt.
    @discardableResult package func start() -> String? {
        let id = with { state -> String? in
            guard !state.pending.isEmpty else { return nil }
            state.running = [state.pending.removeFirst()]
            return state.running[0][1]?.stringValue
        }
        if let id { emit("execution_start", ["prompt_id": .string(id)]) }
        return id
    }

    /// Ends the running prompt.
    package func finish(error: String? = nil, silently: Bool = false) {
        let id = with { state -> String? in
            guard let item = state.running.first, let id = item[1]?.stringValue else { return nil }
            state.running = []
            var messages: [JSON] = [["execution_start", ["prompt_id": .string(id)]]]
            if let error {
                messages.append([
                    "execution_error", ["prompt_id": .string(id), "exception_message": .string(error + "\n")],
                ])
            }
            let image: JSON = ["filename": "a b.png", "subfolder": "x/y", "type": "output"]
            state.historyOrder.append(id)
            state.history[id] = [
                "prompt": item, "outputs": ["9": ["images": [image]]],
                "status": [
                    "status_str": .string(error == nil ? "success" : "error"), "completed": .bool(error == nil),
                    "messages": .array(messages),
                ],
            ]
            return id
        }
        guard let id, !silently else { return }
        emit("executing", ["node": nil, "prompt_id": .string(id)])
    }

    /// Notes that a prompt was interrupted, as a server does once it has stopped it.
    package func noteInterrupted(_ id: String) {
        with { state in
            state.history[id] = [
                "prompt": [0, .string(id), [:], [:], []], "outputs": [:],
                "status": [
                    "status_str": "error", "completed": false,
                    "messages": [["execution_interrupted", ["prompt_id": .string(id)]]],
                ],
            ]
        }
    }

    /// Forgets everything and breaks all connections, as a restart does.
    package func restartEmpty() {
        let sockets = with { state in
            state.running = []
            state.pending = []
            state.history = [:]
            defer { state.sockets = [] }
            return state.sockets
        }
        for socket in sockets { socket.end() }
    }

    package func emit(_ type: String, _ data: JSON) {
        let text = JSON.object(["type": .string(type), "data": data]).text()
        for socket in with({ $0.isMute ? [] : $0.sockets }) { socket.deliver(.text(text)) }
    }

    // MARK: - Its API

    fileprivate func answer(_ request: ClientRequest, path: String) async throws -> ClientResponse {
        let (isDown, silence, demands) = with { state in
            state.requests.append(request)
            return (state.isDown, state.isSilent ? state.silence : nil, state.demands)
        }
        guard !isDown else { throw Self.refusal }
        if let silence {
            try await silence()
            throw HTTPClientError(.timeout, mayHaveBeenProcessed: true, "timed out")
        }
        if let demands, request.credentials != demands { return ClientResponse(status: .unauthorized) }
        if path == "/prompt" { return try await submit(request) }
        if path == "/queue", request.method == .get {
            return with { Self.json(["queue_running": .array($0.running), "queue_pending": .array($0.pending)]) }
        }
        if path == "/queue", let body = try await request.body?.collect(upTo: 1 << 20) {
            let ids = try JSON(parsing: body)["delete"]?.arrayValue ?? []
            with { $0.onDelete }?()
            with { $0.pending.removeAll { item in ids.contains(item[1] ?? .null) } }
            return ClientResponse(status: .ok)
        }
        if path == "/interrupt", let body = try await request.body?.collect(upTo: 1 << 20) {
            let id = try JSON(parsing: body)["prompt_id"]?.stringValue ?? ""
            with { state in
                state.interrupted.append(id)
                if !state.interruptsLate { state.running.removeAll { $0[1]?.stringValue == id } }
            }
            return ClientResponse(status: .ok)
        }
        if path == "/history", let body = try await request.body?.collect(upTo: 1 << 20) {
            let ids = try JSON(parsing: body)["delete"]?.arrayValue ?? []
            with { state in
                for id in ids.compactMap(\.stringValue) { state.history[id] = nil }
            }
            return ClientResponse(status: .ok)
        }
        if path.hasPrefix("/history?") {
            let count = QueryItems(parsing: path.dropFirst("/history?".count))["max_items"].flatMap { Int($0) }
            return with { state in
                let ids = state.history.keys.filter { !state.historyOrder.contains($0) }.sorted() + state.historyOrder
                let shown = ids.suffix(max(0, count ?? ids.count))
                return Self.json(.object(JSONObject(shown.compactMap { id in state.history[id].map { (id, $0) } })))
            }
        }
        if path == "/upload/image" { return try await upload(request) }
        if path.hasPrefix("/history/") {
            let id = PercentEncoding.decode(path.dropFirst("/history/".count))
            try await Task.sleep(for: with { $0.historyDelay })
            if with({ $0.badHistory.contains(id) }) { return ClientResponse(status: .internalServerError) }
            return with { state in Self.json(state.history[id].map { .object([id: $0]) } ?? [:]) }
        }
        if path == "/interrupt" { return ClientResponse(status: .ok) }
        if path.hasPrefix("/view"), let view = with({ $0.view }) { return view(request) }
        return ClientResponse(status: .notFound)
    }

    private func upload(_ request: ClientRequest) async throws -> ClientResponse {
        let form = String(decoding: try await request.body?.collect(upTo: 1 << 20) ?? [], as: UTF8.self)
        if let answer = with({ $0.uploadAnswer }) { return try await answer() }
        let name = form.components(between: "filename=\"", and: "\"")
        with { $0.uploads.append(name) }
        return Self.json(["name": .string(name), "subfolder": "", "type": "input"])
    }

    private func submit(_ request: ClientRequest) async throws -> ClientResponse {
        let body = try JSON(parsing: await request.body?.collect(upTo: 64 << 20) ?? [])
        let (behaviour, onSubmit) = with { ($0.behaviour, $0.onSubmit) }
        onSubmit?()
        switch behaviour {
        case .refuseConnections: throw Self.refusal
        case .loseRequest: throw HTTPClientError(.timeout, mayHaveBeenProcessed: true, "timed out")
        case .answer(let status, let json): return Self.json(json, status: status)
        case .hang:
            with { $0.hanging += 1 }
            defer { with { $0.hanging -= 1 } }
            try await Task.sleep(for: .seconds(60))
            throw HTTPClientError(.timeout, mayHaveBeenProcessed: true, "timed out")
        case .die(let taking):
            with { $0.isDown = true }
            if !taking { throw HTTPClientError(.connection, mayHaveBeenProcessed: true, "reset") }
        case .takeLate(let delay): try await Task.sleep(for: delay)
        case .take, .loseAnswer, .takeAndFail: break
        }
        let answer = with { state -> JSON in
            state.bodies.append(body)
            let own: JSON = .string("own-\(state.number)")
            let id = state.ignoresIDs ? own : body["prompt_id"] ?? own
            var extra = body["extra_data"]?.objectValue ?? [:]
            extra["client_id"] = body["client_id"] ?? nil
            extra["api_key_comfy_org"] = "secret"
            state.pending.append([.number(JSONNumber(state.number)), id, body["prompt"] ?? nil, .object(extra), []])
            state.number += 1
            return ["prompt_id": id, "number": .number(JSONNumber(state.number - 1)), "node_errors": [:]]
        }
        switch behaviour {
        case .loseAnswer, .die: throw HTTPClientError(.timeout, mayHaveBeenProcessed: true, "timed out")
        case .takeAndFail: return ClientResponse(status: .internalServerError)
        default: return Self.json(answer)
        }
    }

    private static var refusal: HTTPClientError {
        var error = HTTPClientError(.connect, mayHaveBeenProcessed: false, "refused")
        error.wasRefused = true
        return error
    }

    package static func json(_ value: JSON, status: Status = .ok) -> ClientResponse {
        ClientResponse(status: status, body: HTTPBody(value.serialized()))
    }

    fileprivate func connect(_ request: ClientRequest) throws -> any WebSocket {
        if let demands = with({ $0.demands }), request.credentials != demands {
            throw HTTPClientError(.upgradeRefused, mayHaveBeenProcessed: false, "HTTP 401")
        }
        let socket = FakeSocket(credentials: request.credentials)
        let isRefused = with { state in
            state.connections += 1
            let isRefused = state.isDown || state.refusesSockets
            if !isRefused { state.sockets.append(socket) }
            return isRefused
        }
        guard !isRefused else { throw Self.refusal }
        return socket
    }
}

/// The server's end of a WebSocket.
package final class FakeSocket: WebSocket {
    private let stream: AsyncStream<WebSocketMessage>
    private let input: AsyncStream<WebSocketMessage>.Continuation
    private let sentMessages = Mutex<[WebSocketMessage]>([])
    /// What it was opened with.
    package let credentials: BasicCredentials?

    package init(credentials: BasicCredentials?) {
        self.credentials = credentials
        (stream, input) = AsyncStream.makeStream(of: WebSocketMessage.self)
    }

    package var sent: [WebSocketMessage] { sentMessages.withLock { $0 } }
    package func deliver(_ message: WebSocketMessage) { input.yield(message) }
    package func end() { input.finish() }
    package func receive() async throws -> WebSocketMessage? {
        for await message in stream { return message }
        try Task.checkCancellation()
        return nil
    }
    package func send(_ message: WebSocketMessage) async throws { sentMessages.withLock { $0.append(message) } }
    package var bufferedBytes: Int { 0 }
    package func close(code: UInt16, reason: String) async { input.finish() }
}

/// The servers that the gateway can reach.
package final class FakeNetwork: HTTPClient {
    private let servers: [FakeComfy]

    package init(_ servers: [FakeComfy]) {
        self.servers = servers
    }

    private func server(_ url: String) throws -> (FakeComfy, String) {
        for server in servers where url.hasPrefix(server.url + "/") {
            let target = url.dropFirst(server.url.count)
            return (server, String(target))
        }
        throw HTTPClientError(.resolve, mayHaveBeenProcessed: false, "no such host")
    }

    package func send(_ request: ClientRequest) async throws -> ClientResponse {
        let (server, path) = try server(request.url)
        return try await server.answer(request, path: path)
    }

    package func webSocket(_ request: ClientRequest) async throws -> any WebSocket {
        try server(request.url).0.connect(request)
    }
}

extension String {
    /// What stands between the first occurrences of two texts; empty when they are not there.
    fileprivate func components(between start: String, and end: String) -> String {
        guard let head = firstRange(of: start) else { return "" }
        let rest = self[head.upperBound...]
        return String(rest[..<(rest.firstRange(of: end)?.lowerBound ?? rest.endIndex)])
    }
}
