import CLinux
import CWslay
import Glibc
package import PluginAPI
import Synchronization

/// One side of an open WebSocket over any byte stream (RFC 6455), framed by wslay.
///
/// It lives on one loop, which holds it until it is closed or broken; its asynchronous functions may be called from
/// anywhere. Reading stops while the queue of received messages is full, so a slow reader slows the peer down.
// The unchecked conformance holds because all mutable state but `buffered` is confined to the loop's thread.
package final class WebSocketConnection: WebSocket, @unchecked Sendable {
    /// Which side we are: a client masks what it sends.
    package enum Role: Sendable {
        case server
        case client
    }

    enum State {
        case open
        /// Our close frame is on its way, or waits for the peer's.
        case closing
        /// We closed because of an error; what still arrives is thrown away, so that the close frame gets through.
        case failing
        case ended
    }

    /// Bytes waiting for the socket above which a sender waits.
    static let sendMark = 64 << 10
    /// Received messages, and bytes of them, above which reading stops.
    static let mostQueued = 64
    static let mostQueuedBytes = 256 << 10

    let role: Role
    let transport: any WebSocketTransport
    let loop: EventLoop
    let sendBuffer: Int
    let pingInterval: Duration
    let closeTimeout: Duration
    let buffered = Atomic<Int>(0)

    var frames: OpaquePointer?
    var state = State.open
    var events: UInt32 = 0
    // Receiving.
    var input = UnsafeRawBufferPointer(start: nil, count: 0)
    var pendingInput: [UInt8] = []
    var inbox: [WebSocketMessage] = []
    var inboxBytes = 0
    var receivers: [Waiter<WebSocketMessage?>] = []
    var receiveEnd: Result<Void, WebSocketError>?
    var lastHeard = MonotonicClock.now
    // Sending.
    var output: [UInt8] = []
    var outputOffset = 0
    var isBlocked = false
    var isBroken = false
    var isViolated = false
    var hasSentRawClose = false
    var senders: [Waiter<Void>] = []
    var pendingClose: (code: UInt16, reason: [UInt8])?
    // Time.
    var pingTimer: LoopTimer?
    var closeTimer: LoopTimer?
    private var onEnd: (@Sendable () -> Void)?

    /// Takes an upgraded stream over and starts reading; called on the loop's thread.
    ///
    /// - Parameters:
    ///   - transport: the stream; its descriptor is non-blocking and not yet watched. It is closed by the connection.
    ///   - role: which side we are.
    ///   - loop: the loop that it lives on.
    ///   - maximumMessageSize: larger messages of the peer close with 1009.
    ///   - initialBytes: what was read beyond the upgrade's header.
    ///   - sendBuffer: bytes waiting for a slow peer; more close with 1013. One message is always taken.
    ///   - pingInterval: time between pings; a peer that is silent for two of them is dropped.
    ///   - closeTimeout: time that the peer has to answer our close frame.
    ///   - onEnd: called once on the loop after the transport was closed.
    package init(
        transport: any WebSocketTransport, role: Role, loop: EventLoop, maximumMessageSize: Int = 4 << 20,
        initialBytes: [UInt8] = [], sendBuffer: Int = 4 << 20, pingInterval: Duration = .seconds(30),
        closeTimeout: Duration = .seconds(5), onEnd: (@Sendable () -> Void)? = nil
    ) {
        self.role = role
        self.transport = transport
        self.loop = loop
        self.sendBuffer = sendBuffer
        self.pingInterval = pingInterval
        self.closeTimeout = closeTimeout
        self.onEnd = onEnd
        pendingInput = initialBytes
        frames = WebSocketFrames.make(role, maximumMessageSize, Unmanaged.passUnretained(self).toOpaque())
        events = EPOLLIN.rawValue
        loop.watch(transport.descriptor, events: events) { events in self.ready(events) }
        schedulePing()
        if frames == nil {
            finish(.failure(.broken))
        } else if !initialBytes.isEmpty {
            feedPending()
            settle()
        }
    }

    package var bufferedBytes: Int { buffered.load(ordering: .relaxed) }

    package func receive() async throws -> WebSocketMessage? {
        if loop.isCurrent, let message = takeMessage() { return message }
        try Task.checkCancellation()
        let waiter = Waiter<WebSocketMessage?>()
        onLoop { $0.add(receiver: waiter) }
        return try await waiter.wait()
    }

    package func send(_ message: WebSocketMessage) async throws {
        try Task.checkCancellation()
        let waiter = Waiter<Void>()
        if loop.isCurrent {
            if try enqueue(message, waiter) { return }
        } else {
            loop.execute { self.enqueueLater(message, waiter) }
        }
        try await waiter.wait()
    }

    package func close(code: UInt16 = 1000, reason: String = "") async {
        onLoop { $0.startClosing(code: code, reason: reason) }
    }

    private func onLoop(_ body: @escaping @Sendable (WebSocketConnection) -> Void) {
        if loop.isCurrent { body(self) } else { loop.execute { body(self) } }
    }

    private func enqueueLater(_ message: WebSocketMessage, _ waiter: Waiter<Void>) {
        do {
            if try enqueue(message, waiter) { waiter.finish(.success(())) }
        } catch {
            waiter.finish(.failure(error))
        }
    }
}

// MARK: - On the loop's thread: messages

extension WebSocketConnection {
    private func takeMessage() -> WebSocketMessage? {
        guard !inbox.isEmpty else { return nil }
        let wasFull = isFull
        let message = inbox.removeFirst()
        inboxBytes -= message.byteCount
        if wasFull, !isFull, state == .open || state == .closing {
            feedPending()
            settle()
        }
        return message
    }

    /// Whether reading stops until the reader catches up.
    var isFull: Bool { inbox.count >= Self.mostQueued || inboxBytes >= Self.mostQueuedBytes }

    private func add(receiver: Waiter<WebSocketMessage?>) {
        receivers.append(receiver)
        while !receivers.isEmpty, !inbox.isEmpty {
            // Out of the list first: taking a message may bring in more of them, which go to those who wait.
            let first = receivers.removeFirst()
            guard let message = takeMessage() else { return }
            if !first.finish(.success(message)) {
                inbox.insert(message, at: 0)
                inboxBytes += message.byteCount
            }
        }
        tellReceiversOfEnd()
    }

    /// Takes a message from the peer.
    func received(_ message: WebSocketMessage) {
        while !receivers.isEmpty {
            if receivers.removeFirst().finish(.success(message)) { return }
        }
        inbox.append(message)
        inboxBytes += message.byteCount
    }

    func tellReceiversOfEnd() {
        guard let receiveEnd, inbox.isEmpty else { return }
        let waiting = receivers
        receivers = []
        for receiver in waiting { receiver.finish(receiveEnd.map { nil }.mapError { $0 }) }
    }

    /// Queues a message; false when the waiter will be told as soon as there is room for another.
    private func enqueue(_ message: WebSocketMessage, _ waiter: Waiter<Void>) throws -> Bool {
        guard state == .open, let frames else { throw WebSocketError.closed }
        if bufferedBytes > 0, message.byteCount > sendBuffer - bufferedBytes {
            fail(.overflow, code: 1013)
            throw WebSocketError.overflow
        }
        guard WebSocketFrames.queue(message, frames) else { throw WebSocketError.closed }
        settle()
        if isBroken { throw WebSocketError.broken }
        if bufferedBytes <= Self.sendMark { return true }
        senders.append(waiter)
        return false
    }

    /// Starts the closing handshake once what is queued has been sent.
    func startClosing(code: UInt16, reason: String) {
        guard state == .open else { return }
        state = .closing
        pendingClose = (WebSocketFrames.usable(code: code), WebSocketFrames.usable(reason: reason))
        startCloseTimer()
        settle()
    }

    /// Closes because of an error, before what is queued.
    func fail(_ error: WebSocketError, code: UInt16?) {
        guard state == .open || state == .closing, let frames else { return }
        state = .failing
        pendingClose = nil
        if let code { wslay_event_queue_close(frames, code, nil, 0) }
        receiveEnd = receiveEnd ?? .failure(error)
        startCloseTimer()
        settle()
        tellReceiversOfEnd()
        for sender in senders { sender.finish(.failure(error)) }
        senders = []
    }

    /// Ends the connection at once.
    func abort() {
        finish(.failure(.broken))
    }

    /// Lets go of everything; the first call counts.
    func finish(_ end: Result<Void, WebSocketError>) {
        guard state != .ended else { return }
        let wasClosing = state == .closing
        state = .ended
        receiveEnd = receiveEnd ?? (wasClosing ? .success(()) : end)
        pingTimer?.cancel()
        closeTimer?.cancel()
        loop.unwatch(transport.descriptor)
        if let frames { wslay_event_context_free(frames) }
        frames = nil
        transport.close()
        pendingInput = []
        output = []
        buffered.store(0, ordering: .relaxed)
        tellReceiversOfEnd()
        for sender in senders { sender.finish(.failure(WebSocketError.closed)) }
        senders = []
        onEnd?()
        onEnd = nil
    }
}

extension WebSocketMessage {
    /// The size of the payload.
    var byteCount: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        @unknown default: 0
        }
    }
}
