import CLinux
import CMicrohttpd
import Glibc
import PluginAPI

/// One libmicrohttpd daemon: the connections of one listener on one loop.
// The unchecked conformance holds because everything but `init` happens on the loop's thread.
final class ServerDaemon: LoopParticipant, @unchecked Sendable {
    let loop: EventLoop
    let context: ServerContext
    let isTLS: Bool
    /// The time of the current turn; callbacks of libmicrohttpd need no better.
    private(set) var now = MonotonicClock.now
    var webSockets: [ObjectIdentifier: WebSocketConnection] = [:]
    var needsRun = true

    private let problem = UnsafeMutablePointer<CChar>.allocate(capacity: Int(COMFYD_MHD_PROBLEM))
    private var listening: Int32 = -1
    private var daemon: OpaquePointer?
    private var epoll: Int32 = -1
    private var isAccepting = true
    private var deadline: Instant?
    private var wantsMore = false
    private var extraRuns = 0
    /// Runs since something was ready or resumed.
    private var emptyRuns = 0
    /// Connections that have not sent a request line yet.
    private var silentConnections = 0
    private var connections: [ObjectIdentifier: ServerConnection] = [:]
    private var suspended: [ObjectIdentifier: Exchange] = [:]
    private var mostConnections = 0
    private var sweepTimer: LoopTimer?
    private var randomState = UInt64.random(in: .min ... .max)

    /// Starts accepting from the socket as soon as ``attach()`` runs.
    ///
    /// - Throws: ``ListenError`` with the library's words, such as a certificate that does not fit its key.
    init(socket: ListeningSocket, certificate: TLSCertificate?, loop: EventLoop, context: ServerContext) throws {
        self.loop = loop
        self.context = context
        isTLS = certificate != nil
        problem.initialize(repeating: 0, count: Int(COMFYD_MHD_PROBLEM))
        var start = comfyd_mhd_start()
        // A duplicate of its own, because the library closes the socket when it fails to start.
        listening = fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 0)
        start.listen_socket = listening
        start.connection_limit = UInt32(clamping: max(1, context.limits.connections))
        start.timeout_seconds = UInt32(
            clamping: max(1, (context.limits.idleTimeout.inNanoseconds + 999_999_999) / 1_000_000_000))
        start.connection_memory = Self.connectionMemory(header: context.limits.header)
        start.context = Unmanaged.passUnretained(self).toOpaque()
        start.problem = problem
        start.accept = DaemonCallbacks.accept
        start.handle = DaemonCallbacks.handle
        start.completed = DaemonCallbacks.completed
        start.connection = DaemonCallbacks.connection
        start.target = DaemonCallbacks.target
        daemon = TLSCertificate.withText(of: certificate) { chain, key in
            start.certificate = chain
            start.key = key
            return comfyd_mhd_start(&start)
        }
        guard let daemon else {
            let words = String(cString: problem).split(whereSeparator: \.isNewline).joined(separator: " ")
            throw ListenError(
                address: "\(socket.address):\(socket.port)",
                reason: words.isEmpty ? "no daemon could be started" : words)
        }
        epoll = comfyd_mhd_epoll(daemon)
    }

    deinit {
        problem.deallocate()
    }

    /// The memory of one connection.
    ///
    /// Request line, header, its index and some room for the answer's header. Up to 32 KiB the library takes the
    /// memory from the heap, above that each connection costs a mapping.
    private static func connectionMemory(header: Int) -> Int {
        max(32 << 10, header.multipliedReportingOverflow(by: 2).partialValue)
    }

    /// Joins the loop.
    func attach() {
        loop.watch(epoll, events: EPOLLIN.rawValue) { [weak self] _ in self?.needsRun = true }
        loop.add(self)
    }

    var waitLimit: Int? {
        if needsRun || wantsMore { return 0 }
        return deadline.map { Int(MonotonicClock.now.duration(to: $0).inNanoseconds / 1_000_000) + 1 }
    }

    func takeTurn() {
        guard let daemon else { return }
        if !needsRun && !wantsMore {
            guard let deadline, deadline <= MonotonicClock.now else { return }
        }
        emptyRuns = needsRun ? 0 : emptyRuns + 1
        needsRun = false
        wantsMore = false
        now = MonotonicClock.now
        MHD_run(daemon)
        if extraRuns > 0 {
            extraRuns -= 1
            needsRun = true
        }
        deadline = nil
        var milliseconds: UInt64 = 0
        guard MHD_get_timeout(daemon, &milliseconds) == .YES else { return }
        if milliseconds > 0 {
            deadline = now.advanced(by: .milliseconds(Int64(clamping: min(milliseconds, 3_600_000))))
        } else if isTLS, silentConnections > 0, emptyRuns > 16 {
            // The library asks to be run without pause while a handshake waits for the peer.
            deadline = now.advanced(by: .milliseconds(2))
        } else {
            wantsMore = true
        }
    }

    /// Runs the library until it has closed an upgraded connection, which takes it several steps that it tells nobody.
    func runUntilClosed() {
        extraRuns = 3
        needsRun = true
    }

    /// A fresh request id: 16 hexadecimal digits.
    func nextRequestID() -> String {
        randomState &+= 0x9E37_79B9_7F4A_7C15
        var value = randomState
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        value ^= value >> 31
        return String(unsafeUninitializedCapacity: 16) { buffer in
            for index in 0..<16 {
                let digit = UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * index)) & 15
                buffer[index] = digit < 10 ? 48 + digit : 87 + digit
            }
            return 16
        }
    }
}

// MARK: - Connections

extension ServerDaemon {
    func opened(_ connection: OpaquePointer) -> ServerConnection {
        let new = ServerConnection(connection, now: now, headerTimeout: context.limits.headerTimeout)
        connections[ObjectIdentifier(new)] = new
        silentConnections += 1
        context.counters.connectionOpened()
        if sweepTimer == nil { scheduleSweep() }
        return new
    }

    func closed(_ connection: ServerConnection) {
        connections[ObjectIdentifier(connection)] = nil
        // At a limit the library has stopped listening; it begins again with the run after this one, for which nothing
        // else may ever wake it.
        needsRun = true
        spoke(connection)
        if !connection.isUpgraded { context.counters.connectionClosed() }
        if connection.lingers { LingeringClose.start(connection.descriptor, on: loop) }
    }

    /// Notes the first request line of a connection, or its end.
    func spoke(_ connection: ServerConnection) {
        guard !connection.hasSpoken else { return }
        connection.hasSpoken = true
        silentConnections -= 1
    }

    func suspended(_ exchange: Exchange) {
        suspended[ObjectIdentifier(exchange)] = exchange
    }

    func resumed(_ exchange: Exchange) {
        suspended[ObjectIdentifier(exchange)] = nil
        needsRun = true
    }

    private func scheduleSweep() {
        let shortest = min(context.limits.headerTimeout, context.limits.idleTimeout)
        let interval = max(.milliseconds(50), min(.milliseconds(500), shortest / 4))
        sweepTimer = loop.schedule(after: interval) { [weak self] in self?.sweep() }
    }

    /// Looks for what the library cannot see: late headers, and peers that left while their request is handled.
    private func sweep() {
        sweepTimer = nil
        let now = MonotonicClock.now
        for connection in connections.values {
            if let deadline = connection.headDeadline, deadline < now { connection.shutDown() }
        }
        findLostPeers()
        trimMemory()
        if !connections.isEmpty { scheduleSweep() }
    }

    /// Gives memory back after a crowd has left.
    private func trimMemory() {
        mostConnections = max(mostConnections, connections.count)
        guard mostConnections >= 1000, connections.count < mostConnections / 4 else { return }
        mostConnections = connections.count
        malloc_trim(0)
    }

    private func findLostPeers() {
        if suspended.isEmpty { return }
        let exchanges = Array(suspended.values)
        var polls = exchanges.map { exchange in
            pollfd(fd: exchange.serverConnection.descriptor, events: Int16(EPOLLRDHUP.rawValue), revents: 0)
        }
        guard poll(&polls, nfds_t(polls.count), 0) > 0 else { return }
        for (exchange, result) in zip(exchanges, polls) where result.revents != 0 {
            exchange.peerLeft(wholly: result.revents & Int16(POLLHUP | POLLERR) != 0)
        }
    }
}

// MARK: - Ending

extension ServerDaemon {
    /// Connections that the library still has, upgraded ones on TLS included.
    var isUnused: Bool { connections.isEmpty && webSockets.isEmpty }

    /// The most runs in which connections are accepted at the end; the library takes eleven in each, of a queue of 4096.
    private static let mostLastRuns = 400

    /// Leaves the listening socket to others, after accepting who is there: closing it would reset their connections.
    func stopAccepting() {
        guard let daemon, isAccepting else { return }
        isAccepting = false
        for _ in 0..<Self.mostLastRuns where isSomebodyWaiting {
            needsRun = true
            takeTurn()
        }
        _ = MHD_quiesce_daemon(daemon)
    }

    /// Whether a connection is in the queue of the listening socket.
    private var isSomebodyWaiting: Bool {
        var state = pollfd(fd: listening, events: Int16(POLLIN), revents: 0)
        return poll(&state, 1, 0) > 0 && state.revents & Int16(POLLIN) != 0
    }

    /// Ends connections without a request that have been idle for some time.
    func closeIdle(for duration: Duration) {
        let now = MonotonicClock.now
        for connection in connections.values
        where connection.isIdle && connection.idleSince.advanced(by: duration) <= now {
            connection.shutDown()
        }
    }

    /// Starts the closing handshake of all WebSockets.
    func closeWebSockets(code: UInt16, reason: String) {
        for socket in webSockets.values { socket.startClosing(code: code, reason: reason) }
    }

    /// Ends everything at once.
    func stop() {
        guard let daemon else { return }
        self.daemon = nil
        sweepTimer?.cancel()
        MHD_quiesce_daemon(daemon)
        for socket in webSockets.values { socket.abort() }
        for exchange in suspended.values { exchange.abandon() }
        loop.unwatch(epoll)
        loop.remove(self)
        MHD_stop_daemon(daemon)
        close(listening)
    }
}
