import CMicrohttpd

/// The functions that libmicrohttpd calls, all on the daemon's loop.
enum DaemonCallbacks {
    private static func daemon(_ context: UnsafeMutableRawPointer) -> ServerDaemon {
        Unmanaged<ServerDaemon>.fromOpaque(context).takeUnretainedValue()
    }

    static let accept: MHD_AcceptPolicyCallback = { context, _, _ in
        guard let context else { return .NO }
        let shared = DaemonCallbacks.daemon(context).context
        return shared.counters.openConnections < shared.limits.connections ? .YES : .NO
    }

    /// Keeps a ``ServerConnection`` with each connection.
    static let connection: MHD_NotifyConnectionCallback = { context, connection, slot, event in
        guard let context, let connection, let slot else { return }
        let daemon = DaemonCallbacks.daemon(context)
        if event == .CONNECTION_NOTIFY_STARTED {
            slot.pointee = Unmanaged.passRetained(daemon.opened(connection)).toOpaque()
        } else if let pointer = slot.pointee {
            slot.pointee = nil
            daemon.closed(Unmanaged<ServerConnection>.fromOpaque(pointer).takeRetainedValue())
        }
    }

    /// Called with the request line; what it returns stays with the request.
    static let target:
        @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) -> UnsafeMutableRawPointer? = {
            context, target, connection in
            guard let context, let target, let connection, let slot = comfyd_mhd_socket_context(connection) else {
                return nil
            }
            let serverConnection = Unmanaged<ServerConnection>.fromOpaque(slot).takeUnretainedValue()
            let daemon = DaemonCallbacks.daemon(context)
            daemon.spoke(serverConnection)
            let exchange = Exchange(
                daemon: daemon, connection: connection, serverConnection: serverConnection,
                target: String(cString: target))
            return Unmanaged.passRetained(exchange).toOpaque()
        }

    static let handle: MHD_AccessHandlerCallback = { _, _, _, method, version, upload, uploadSize, slot in
        guard let pointer = slot?.pointee, let method, let version, let uploadSize else { return .NO }
        let exchange = Unmanaged<Exchange>.fromOpaque(pointer).takeUnretainedValue()
        guard uploadSize.pointee > 0 else { return exchange.advance(method: method, version: version) }
        let bytes = UnsafeRawBufferPointer(start: upload, count: uploadSize.pointee)
        uploadSize.pointee = 0
        return exchange.receive(bytes)
    }

    static let completed: MHD_RequestCompletedCallback = { _, _, slot, _ in
        guard let slot, let pointer = slot.pointee else { return }
        slot.pointee = nil
        Unmanaged<Exchange>.fromOpaque(pointer).takeRetainedValue().end()
    }
}
