import CLinux
import CMicrohttpd
import Glibc
import PluginAPI

/// One request and its answer, from the request line to the last byte.
///
/// libmicrohttpd drives it through ``advance(method:version:)`` and ``receive(_:)``; the handler's task brings the
/// answer to ``deliver(_:)``. While neither has something to do, the connection is suspended.
// The unchecked conformance holds because all mutable state is confined to the loop's thread; the handler's task
// reaches it through `onLoop`.
final class Exchange: @unchecked Sendable {
    private enum Phase {
        /// The header is still arriving.
        case head
        /// A small body is arriving; the handler has not started.
        case collecting
        /// The handler runs and has not yet asked for the large body, of which nothing has been read.
        case deciding
        /// A large body streams to the handler.
        case receiving
        /// The handler has answered before the end of the body; what still comes is thrown away.
        case discarding
        /// The request is complete; the handler runs.
        case waiting
        /// The answer is with the library.
        case answered
        /// The library has forgotten the request.
        case ended
    }

    /// An answer in the library's form.
    enum Reply {
        case response(status: UInt32, OpaquePointer)
        case upgrade(OpaquePointer, WebSocketUpgrade)
        /// No answer can be given.
        case abort
    }

    /// Bodies up to this size are whole before the handler starts.
    static let smallBody = 64 << 10
    /// Bytes thrown away after an early answer, before the connection is closed without one.
    private static let mostDiscarded = 64 << 20

    let daemon: ServerDaemon
    let serverConnection: ServerConnection
    private(set) var head: RequestHead?
    private(set) var id = ""
    private(set) var isHandlerRunning = false
    var stream: ResponseStream?

    private let target: String
    private var connection: OpaquePointer
    private var phase = Phase.head
    private var isSuspended = false
    private var collected: [UInt8] = []
    private var received = 0
    private var discarded = 0
    private var body: RequestBodyStream?
    private var reply: Reply?
    private var upgrade: WebSocketUpgrade?
    private var task: Task<Void, Never>?

    var context: ServerContext { daemon.context }

    init(daemon: ServerDaemon, connection: OpaquePointer, serverConnection: ServerConnection, target: String) {
        self.daemon = daemon
        self.connection = connection
        self.serverConnection = serverConnection
        self.target = target
        serverConnection.headDeadline = daemon.now.advanced(by: daemon.context.limits.headerTimeout)
    }

    /// Runs a body on the loop: now, if the caller is there.
    func onLoop(_ body: @escaping @Sendable (Exchange) -> Void) {
        if daemon.loop.isCurrent { body(self) } else { daemon.loop.execute { body(self) } }
    }
}

// MARK: - Called by libmicrohttpd

extension Exchange {
    /// Takes a step: called once after the header, once after the body, and after each resumption.
    func advance(method: UnsafePointer<CChar>, version: UnsafePointer<CChar>) -> MHD_Result {
        switch phase {
        case .head: return begin(method, version)
        case .collecting:
            phase = .waiting
            let bytes = collected
            collected = []
            startHandler(HTTPBody(bytes))
            return answerOrWait()
        case .deciding:
            if reply == nil, body?.isWanted == true {
                phase = .receiving
                return .YES
            }
            return answerOrWait()
        case .receiving, .discarding:
            phase = .waiting
            body?.finish(.success(()))
            daemon.loop.runReadyTasks()
            return answerOrWait()
        case .waiting: return answerOrWait()
        case .answered, .ended: return .YES
        }
    }

    private func begin(_ method: UnsafePointer<CChar>, _ version: UnsafePointer<CChar>) -> MHD_Result {
        serverConnection.headDeadline = nil
        let limits = context.limits
        let head = RequestHead(
            connection: connection, method: method, version: version, target: target, limit: limits.header)
        self.head = head
        id = head.requestID ?? daemon.nextRequestID()
        context.counters.requestStarted()
        if let problem = head.problem { return refuse(problem) }
        switch head.framing {
        case .none: phase = .collecting
        case .length(let length) where length > limits.body:
            return refuse(.bodyTooLarge(limit: limits.body))
        case .length(let length) where length <= Self.smallBody:
            collected.reserveCapacity(length)
            phase = .collecting
        case .length(let length): return startStreaming(length)
        case .chunked: return startStreaming(nil)
        }
        return .YES
    }

    private func startStreaming(_ length: Int?) -> MHD_Result {
        let body = RequestBodyStream(limit: context.limits.bodyBuffer) { [weak self] in self?.onLoop { $0.resume() } }
        self.body = body
        phase = .deciding
        startHandler(HTTPBody(length: length) { try await body.next() })
        if reply == nil, body.isWanted {
            phase = .receiving
            return .YES
        }
        return answerOrWait()
    }

    /// Answers at once, without a handler; the connection closes after it, because more of the body may come.
    private func refuse(_ error: HTTPError) -> MHD_Result {
        context.counters.requestRefused()
        let response = context.responder.refusal(error, for: makeRequest(HTTPBody()))
        guard let built = ResponseBuilder(self).refusal(response) else { return .NO }
        reply = built
        return answerOrWait()
    }

    /// Takes a piece of the body.
    func receive(_ bytes: UnsafeRawBufferPointer) -> MHD_Result {
        received += bytes.count
        if phase == .collecting {
            collected.append(contentsOf: bytes)
            return .YES
        }
        if received > context.limits.body {
            body?.finish(.failure(HTTPError.bodyTooLarge(limit: context.limits.body)))
            phase = .discarding
        }
        if reply != nil { phase = .discarding }
        if phase == .discarding {
            discarded += bytes.count
            return discarded <= Self.mostDiscarded ? .YES : .NO
        }
        if let body, !body.append(Array(bytes)) {
            daemon.loop.runReadyTasks()
            if body.isPaused { suspend() }
        }
        return .YES
    }

    private func answerOrWait() -> MHD_Result {
        guard let reply else {
            suspend()
            return .YES
        }
        self.reply = nil
        if phase == .deciding || (phase == .head && head?.framing != RequestHead.Framing.none) || head?.problem != nil {
            serverConnection.lingers = true
        }
        phase = .answered
        switch reply {
        case .abort: return .NO
        case .response(let status, let response):
            defer { MHD_destroy_response(response) }
            return MHD_queue_response(connection, status, response)
        case .upgrade(let response, let upgrade):
            defer { MHD_destroy_response(response) }
            self.upgrade = upgrade
            return MHD_queue_response(connection, 101, response)
        }
    }

    /// Gives the library bytes of a streamed answer.
    func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let stream else { return comfyd_mhd_end_with_error }
        switch stream.take(into: buffer) {
        case .bytes(let count): return count
        case .end: return comfyd_mhd_end_of_stream
        case .failed:
            if head?.version == "HTTP/1.0" { reset() }
            return comfyd_mhd_end_with_error
        case .starved:
            suspend()
            return 0
        }
    }

    /// Resets the TCP connection: to an HTTP/1.0 client an ordinary close would look like the end of the body.
    private func reset() {
        var nowhere = sockaddr()
        nowhere.sa_family = sa_family_t(AF_UNSPEC)
        connect(serverConnection.descriptor, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
    }

    /// The socket is a WebSocket's from here on.
    func upgraded(socket: Int32, extra: UnsafeRawBufferPointer, handle: OpaquePointer) {
        upgrade?.start(exchange: self, socket: socket, extra: Array(extra), handle: handle)
        upgrade = nil
    }

    /// The TLS session of the connection, for a WebSocket.
    func takeTLS() -> UnsafeMutablePointer<comfyd_tls>? {
        serverConnection.tls = comfyd_tls_take(connection)
        return serverConnection.tls
    }

    /// The library is done with the request, well or badly.
    func end() {
        guard phase != .ended else { return }
        let wasBegun = head != nil
        phase = .ended
        if isSuspended {
            isSuspended = false
            daemon.resumed(self)
        }
        if case .response(_, let response) = reply { MHD_destroy_response(response) }
        if case .upgrade(let response, _) = reply { MHD_destroy_response(response) }
        reply = nil
        body?.finish(.failure(CancellationError()))
        stream?.finish(.failure(CancellationError()))
        if isHandlerRunning { task?.cancel() }
        task = nil
        body = nil
        stream = nil
        serverConnection.idleSince = daemon.now
        serverConnection.headDeadline = daemon.now.advanced(by: context.limits.idleTimeout)
        if wasBegun, !isHandlerRunning { context.counters.requestEnded() }
    }
}

// MARK: - Waiting

extension Exchange {
    private func suspend() {
        guard !isSuspended else { return }
        isSuspended = true
        MHD_suspend_connection(connection)
        daemon.suspended(self)
    }

    /// Lets the library go on with the connection.
    func resume() {
        guard isSuspended, phase != .ended else { return }
        isSuspended = false
        daemon.resumed(self)
        MHD_resume_connection(connection)
    }

    /// The peer has closed its side, or `wholly` both, while nothing is read.
    func peerLeft(wholly: Bool) {
        switch phase {
        case .receiving:
            // The end of the body may still be in the socket.
            if wholly { resume() }
        case .answered:
            stream?.finish(.failure(CancellationError()))
            resume()
        default: task?.cancel()
        }
    }

    /// Ends the wait because the daemon stops.
    func abandon() {
        task?.cancel()
        reply = reply ?? .abort
        resume()
    }

    /// Starts the handler and lets it run until it waits for something.
    private func startHandler(_ body: HTTPBody) {
        let request = makeRequest(body)
        isHandlerRunning = true
        task = Task(executorPreference: daemon.loop) { await self.handle(request) }
        daemon.loop.runReadyTasks()
    }

    private func makeRequest(_ body: HTTPBody) -> Request {
        Request(
            id: id, method: HTTPMethod(rawValue: head?.method ?? "GET"), target: head?.target ?? target,
            headers: head?.headers ?? [:], body: body, logger: context.logger.with(["request_id": id]),
            remoteAddress: serverConnection.remoteAddress, scheme: daemon.isTLS ? "https" : "http")
    }

    /// Takes the answer.
    func deliver(_ reply: Reply) {
        guard phase != .ended, phase != .answered, self.reply == nil else {
            if case .response(_, let response) = reply { MHD_destroy_response(response) }
            if case .upgrade(let response, _) = reply { MHD_destroy_response(response) }
            return
        }
        self.reply = reply
        if phase == .receiving { body?.finish(.failure(CancellationError())) }
        resume()
    }

    /// The handler's task has returned.
    func handlerEnded() {
        isHandlerRunning = false
        task = nil
        if phase == .ended { context.counters.requestEnded() }
    }
}
