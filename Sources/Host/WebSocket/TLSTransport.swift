import CMicrohttpd
import Glibc

/// An upgraded connection with TLS as a WebSocket's byte stream: the session of the HTTP connection, used directly.
final class TLSTransport: WebSocketTransport {
    let descriptor: Int32
    private let link: UnsafeMutablePointer<comfyd_tls>
    private let onClose: () -> Void

    /// `descriptor` is a duplicate of the connection's socket; `onClose` releases the connection itself.
    init(descriptor: Int32, link: UnsafeMutablePointer<comfyd_tls>, onClose: @escaping () -> Void) {
        self.descriptor = descriptor
        self.link = link
        self.onClose = onClose
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> TransportResult {
        // One call takes at most one record from the socket and leaves nothing of it behind, so that the descriptor's
        // readiness tells whether there is more.
        let count = comfyd_tls_read(link, buffer.baseAddress, buffer.count)
        return count > 0 ? .bytes(count) : count == 0 ? .wouldBlock : .closed
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> TransportResult {
        let count = comfyd_tls_write(link, bytes.baseAddress, bytes.count)
        return count > 0 ? .bytes(count) : count == 0 ? .wouldBlock : .closed
    }

    func close() {
        Glibc.close(descriptor)
        onClose()
    }
}
