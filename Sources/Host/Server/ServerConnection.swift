import CMicrohttpd
import Glibc
import PluginAPI

/// One accepted connection; used on its loop alone.
final class ServerConnection {
    let descriptor: Int32
    let remoteAddress: String
    /// When the next request's header must be here; `nil` while a request is handled.
    var headDeadline: Instant?
    /// When the connection last became idle.
    var idleSince: Instant
    /// Whether the peer may still be sending when we close, so that closing at once could destroy our answer.
    var lingers = false
    /// Whether a request line has come.
    var hasSpoken = false
    /// Whether a WebSocket has taken the connection over and counts it.
    var isUpgraded = false
    /// What the TLS session reads and writes through once it is a WebSocket's; lives as long as the session.
    var tls: UnsafeMutablePointer<comfyd_tls>?

    init(_ connection: OpaquePointer, now: Instant, headerTimeout: Duration) {
        descriptor = comfyd_mhd_socket(connection)
        remoteAddress = comfyd_mhd_address(connection).flatMap { SocketAddress.text(of: $0)?.address } ?? ""
        idleSince = now
        headDeadline = now.advanced(by: headerTimeout)
    }

    deinit {
        free(tls)
    }

    /// Ends the connection under libmicrohttpd, which then sees an end of stream and cleans up.
    func shutDown() {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Whether nothing is under way: no request, and no bytes of one in the socket.
    var isIdle: Bool {
        guard headDeadline != nil else { return false }
        var pending: Int32 = 0
        return ioctl(descriptor, UInt(FIONREAD), &pending) != 0 || pending == 0
    }
}
