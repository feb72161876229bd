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
        guard let transport = Self.transport(daemon, socket, handle) else {
            comfyd_mhd_upgrade_close(handle)
            daemon.needsRun = true
            return
        }
        exchange.serverConnection.isUpgraded = true
        exchange.serverConnection.headDeadline = nil
        let counters = daemon.context.counters
        counters.webSocketOpened()
        let holder = TaskHolder()
        let connection = WebSocketConnection(
            transport: transport, role: .server, loop: daemon.loop,
            maximumMessageSize: acceptance.maximumMessageSize, initialBytes: extra,
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
            if let connection { daemon?.webSockets[ObjectIdentifier(connection)] = nil }
        }
        holder.task = Task(executorPreference: daemon.loop) {
            await run(connection)
            await connection.close(code: 1000, reason: "")
        }
    }

    /// On plain TCP the socket is duplicated and the library's connection ended, which frees its memory and keeps
    /// it out of the list that the library walks on each resumption. With TLS the library must stay in between.
    private static func transport(_ daemon: ServerDaemon, _ socket: Int32, _ handle: OpaquePointer)
        -> SocketTransport?
    {
        daemon.needsRun = true
        if daemon.isTLS {
            return SocketTransport(descriptor: socket) {
                comfyd_mhd_upgrade_close(handle)
                daemon.needsRun = true
            }
        }
        let own = fcntl(socket, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { return nil }
        var yes: Int32 = 1
        setsockopt(own, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        comfyd_mhd_upgrade_close(handle)
        return SocketTransport(descriptor: own)
    }
}

/// The task of an open WebSocket, cancelled when the connection has ended.
// The unchecked conformance holds because it is used on the loop's thread alone.
private final class TaskHolder: @unchecked Sendable {
    var task: Task<Void, Never>?
    var onEnd: (() -> Void)?

    func end() {
        onEnd?()
        onEnd = nil
        task?.cancel()
        task = nil
    }
}
