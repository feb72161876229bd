import Glibc

/// What went wrong on a connection.
enum ProbeError: Error, Sendable, Equatable {
    case refused(Int32)
    /// The peer closed or reset it.
    case closed
    case timeout
    /// The peer does not speak the protocol.
    case malformed(String)
}

/// A blocking connection to loopback with a deadline for each read and write; stays in one thread.
final class TCPConnection {
    private let descriptor: Int32

    /// - Throws: ``ProbeError``.
    init(port: UInt16, timeout: Double = 10) throws(ProbeError) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .refused(errno) }
        self.descriptor = descriptor
        Self.setOptions(descriptor, timeout)
        let result = Self.withLoopback(port) { connect(descriptor, $0, $1) }
        // The object is whole here, so its deinit closes the descriptor.
        guard result == 0 else { throw .refused(errno) }
    }

    /// Takes a connection that a listener accepted.
    init(accepted descriptor: Int32, timeout: Double = 10) {
        self.descriptor = descriptor
        Self.setOptions(descriptor, timeout)
    }

    /// Listens on a free port.
    ///
    /// - Throws: ``ProbeError``.
    static func listen() throws(ProbeError) -> (listener: Int32, port: UInt16) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withLoopback(0) { bind(listener, $0, $1) }
        guard listener >= 0, result == 0, Glibc.listen(listener, 64) == 0 else { throw .refused(errno) }
        withUnsafeMutableBytes(of: &address) { bytes in
            _ = getsockname(listener, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size)
        }
        return (listener, UInt16(bigEndian: address.sin_port))
    }

    private static func setOptions(_ descriptor: Int32, _ timeout: Double) {
        var limit = timeval(tv_sec: Int(timeout), tv_usec: Int((timeout - timeout.rounded(.down)) * 1e6))
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func withLoopback<T>(_ port: UInt16, _ body: (UnsafePointer<sockaddr>?, socklen_t) -> T) -> T {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafeBytes(of: &address) { bytes in
            body(bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
    }

    deinit {
        close(descriptor)
    }

    /// Sends all bytes.
    ///
    /// - Throws: ``ProbeError``.
    func write(_ bytes: [UInt8]) throws(ProbeError) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                send(descriptor, buffer.baseAddress?.advanced(by: sent), buffer.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { throw .timeout }
            guard count > 0 else { throw .closed }
            sent += count
        }
    }

    /// The next bytes, empty at the end of the stream.
    ///
    /// - Throws: ``ProbeError``.
    func read(upTo limit: Int = 64 << 10) throws(ProbeError) -> [UInt8] {
        while true {
            var failure: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
                let got = recv(descriptor, buffer.baseAddress, buffer.count, 0)
                if got < 0 { failure = errno }
                count = max(0, got)
            }
            switch failure {
            case 0: return bytes
            case EINTR: continue
            case EAGAIN: throw .timeout
            default: throw .closed
            }
        }
    }

    /// Everything up to the end of the stream, a reset or the deadline.
    func readToEnd() -> (bytes: [UInt8], ended: Bool) {
        var all: [UInt8] = []
        while true {
            do {
                let bytes = try read()
                if bytes.isEmpty { return (all, true) }
                all += bytes
            } catch {
                return (all, error == .closed)
            }
        }
    }

    /// Sends no more; the peer sees the end of the stream.
    func finishWriting() {
        shutdown(descriptor, Int32(SHUT_WR))
    }
}
