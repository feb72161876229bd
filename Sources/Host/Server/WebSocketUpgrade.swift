import CMicrohttpd
import Glibc
import PluginAPI

/// An accepted upgrade that waits for its socket.
struct WebSocketUpgrade: Sendable {
    let acceptance: WebSocketAcceptance
    let run: @Sendable (any WebSocket) async -> Void

    /// Opens the WebSocket and runs the route's closure, whose end closes it; on the daemon's loop.
    func start(exchange: Exchange, socket: Int32, extra: [UInt8], handle: OpaquePointer) {
        let daemon = exchange.daemon
        guard let transport = Self.transport(exchange, socket, handle) else {
            comfyd_mhd_upgrade_close(handle)
            daemon.runUntilClosed()
            return
        }
        exchange.serverConnection.isUpgraded = true
        exchange.serverConnection.headDeadline = nil
        let counters = daemon.context.counters
        counters.webSocketOpened()
        let holder = TaskHolder()
        let connection = WebSocketConnection(
            transport: transport, role: .server, loop: daemon.loop,
            maximumMessageSize: acceptance.maximumMessageSize, initialBytes: extra + Self.held(exchange),
            sendBuffer: daemon.context.limits.webSocketBuffer, pingInterval: daemon.context.limits.webSocketPing
        ) {
            counters.webSocketClosed()
            counters.connectionClosed()
            holder.end()
        }
        guard connection.state != .ended else { return }
        daemon.webSockets[ObjectIdentifier(connection)] = connection
        let run = run
        holder.onEnd = { [weak daemon, weak connection] in
            guard let connection else { return false }
            daemon?.webSockets[ObjectIdentifier(connection)] = nil
            return !connection.inbox.isEmpty
        }
        holder.task = Task(executorPreference: daemon.loop) {
            await run(connection)
            await connection.close(code: 1000, reason: "")
        }
    }

    /// The rest of a record of which the library has read a part.
    private static func held(_ exchange: Exchange) -> [UInt8] {
        guard let link = exchange.serverConnection.tls else { return [] }
        let size = comfyd_tls_held(link)
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got = comfyd_tls_read(link, buffer.baseAddress?.advanced(by: count), size - count)
                if got <= 0 { break }
                count += got
            }
        }
    }

    /// The stream below the WebSocket.
    ///
    /// On plain TCP the socket is duplicated and the library's connection ended, which frees its memory and keeps
    /// it out of the list that the library walks on each resumption. With TLS the session stays the library's.
    private static func transport(_ exchange: Exchange, _ socket: Int32, _ handle: OpaquePointer)
        -> (any WebSocketTransport)?
    {
        let daemon = exchange.daemon
        daemon.runUntilClosed()
        let own = fcntl(exchange.serverConnection.descriptor, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { return nil }
        var yes: Int32 = 1
        setsockopt(own, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        if daemon.isTLS {
            guard let link = exchange.takeTLS() else {
                close(own)
                return nil
            }
            return TLSTransport(descriptor: own, link: link) {
                comfyd_mhd_upgrade_close(handle)
                daemon.runUntilClosed()
            }
        }
        comfyd_mhd_upgrade_close(handle)
        return SocketTransport(descriptor: own)
    }
}

/// The task of an open WebSocket, cancelled when the connection has ended.
// The unchecked conformance holds because it is used on the loop's thread alone.
private final class TaskHolder: @unchecked Sendable {
    var task: Task<Void, Never>?
    /// Says whether there are messages that nobody has read.
    var onEnd: (() -> Bool)?

    func end() {
        let hasUnread = onEnd?() ?? false
        onEnd = nil
        guard hasUnread, let loop = EventLoop.current else {
            task?.cancel()
            return
        }
        // The closure may still want what the peer sent before it closed.
        loop.schedule(after: .seconds(5)) { self.task?.cancel() }
    }
}
