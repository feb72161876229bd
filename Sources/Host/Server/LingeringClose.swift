import CLinux
import Glibc

/// Keeps a closed connection's socket until the peer has stopped sending: closing a socket with unread data makes the
/// kernel reset the connection, which can destroy an answer that the peer has not read yet (RFC 9112 §9.6).
enum LingeringClose {
    private static let longest = Duration.seconds(5)
    private static let mostBytes = 64 << 20

    /// Duplicates the socket and reads it empty; called on the loop's thread before the original is closed.
    static func start(_ original: Int32, on loop: EventLoop) {
        let descriptor = fcntl(original, F_DUPFD_CLOEXEC, 0)
        guard descriptor >= 0 else { return }
        shutdown(descriptor, Int32(SHUT_WR))
        var isOpen = true
        var total = 0
        let end = {
            guard isOpen else { return }
            isOpen = false
            loop.unwatch(descriptor)
            close(descriptor)
        }
        let timer = loop.schedule(after: longest, end)
        loop.watch(descriptor, events: EPOLLIN.rawValue) { _ in
            let count = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { buffer in
                recv(descriptor, buffer.baseAddress, buffer.count, 0)
            }
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            total += max(0, count)
            if count <= 0 || total > mostBytes {
                timer.cancel()
                end()
            }
        }
    }
}
