import CLinux
import Glibc

/// A non-blocking socket as a WebSocket's byte stream.
package final class SocketTransport: WebSocketTransport {
    package let descriptor: Int32
    private let onClose: (() -> Void)?

    /// Takes a socket over; with `onClose`, closing it is that closure's business.
    package init(descriptor: Int32, onClose: (() -> Void)? = nil) {
        self.descriptor = descriptor
        self.onClose = onClose
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer) -> TransportResult {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .closed }
            if errno == EAGAIN { return .wouldBlock }
            if errno != EINTR { return .closed }
        }
    }

    package func write(_ bytes: UnsafeRawBufferPointer) -> TransportResult {
        while true {
            let count = send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count > 0 { return .bytes(count) }
            if count < 0, errno == EINTR { continue }
            return count < 0 && errno == EAGAIN ? .wouldBlock : .closed
        }
    }

    package func close() {
        if let onClose { onClose() } else { Glibc.close(descriptor) }
    }
}
