import Glibc
import Host
import Synchronization

/// A server on a loopback port whose every answer a test writes by hand, a thread for each connection.
final class RawServer: Sendable {
    /// One accepted connection, used by its thread.
    final class Connection {
        let descriptor: Int32
        /// From 0, in the order of arrival.
        let number: Int
        private var buffer: [UInt8] = []
        private var isOpen = true

        init(descriptor: Int32, number: Int) {
            self.descriptor = descriptor
            self.number = number
        }

        /// Reads a request with its body; `nil` when the client closed.
        func readRequest() -> RawRequest? {
            guard let head = readHead() else { return nil }
            var body: [UInt8] = []
            if let length = head.header("content-length").flatMap({ Int($0) }) {
                guard let bytes = read(length) else { return nil }
                body = bytes
            } else if head.header("transfer-encoding") == "chunked" {
                while let line = readLine(), let size = Int(line, radix: 16), let piece = read(size) {
                    body += piece
                    _ = readLine()
                    if size == 0 { break }
                }
            }
            return RawRequest(lines: head.lines, body: body)
        }

        /// Reads a request's lines up to the empty one.
        func readHead() -> RawRequest? {
            var lines: [String] = []
            while let line = readLine() {
                if line.isEmpty { return RawRequest(lines: lines, body: []) }
                lines.append(line)
            }
            return nil
        }

        func readLine() -> String? {
            while true {
                if let end = buffer.firstIndex(of: 10) {
                    let line = buffer[..<end]
                    buffer.removeFirst(end + 1)
                    return String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
                }
                guard fill() else { return nil }
            }
        }

        func read(_ count: Int) -> [UInt8]? {
            while buffer.count < count { guard fill() else { return nil } }
            defer { buffer.removeFirst(count) }
            return Array(buffer[..<count])
        }

        /// Reads until the client closes.
        func readToEnd() {
            while fill() { buffer.removeAll() }
        }

        @discardableResult
        func write(_ bytes: [UInt8]) -> Bool {
            var offset = 0
            while offset < bytes.count {
                let count = bytes[offset...].withUnsafeBytes { rest in
                    send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                offset += count
            }
            return true
        }

        @discardableResult
        func write(_ text: String) -> Bool {
            write(Array(text.utf8))
        }

        /// An answer with `Content-Length`.
        func answer(_ body: String = "", status: String = "200 OK", headers: String = "") {
            write("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
        }

        /// Closes with a reset.
        func reset() {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
            shut()
        }

        func shut() {
            guard isOpen else { return }
            isOpen = false
            close(descriptor)
        }

        private func fill() -> Bool {
            var chunk = [UInt8](repeating: 0, count: 65536)
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { return false }
            buffer += chunk[..<count]
            return true
        }
    }

    let port: UInt16
    private let listener: Int32
    private let connections = Atomic<Int>(0)
    private let acceptor = Mutex<WorkerThread?>(nil)

    /// Serves each connection with a closure; it is closed when the closure returns.
    ///
    /// Without a backlog the port is taken, and refuses connections.
    init(backlog: Int32? = 512, _ serve: (@Sendable (Connection) -> Void)?) {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, size)
                if let backlog { listen(listener, backlog) }
                getsockname(listener, address, &size)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        guard let serve else { return }
        let thread = WorkerThread(name: "raw-accept") { [weak self] in
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0, let number = self?.count() else {
                    if descriptor >= 0 { close(descriptor) }
                    // Closed by the one who accepts: its number may be another server's at once.
                    close(listener)
                    return
                }
                _ = WorkerThread(name: "raw-serve") {
                    let connection = Connection(descriptor: descriptor, number: number)
                    serve(connection)
                    connection.shut()
                }
            }
        }
        acceptor.withLock { $0 = thread }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        if acceptor.withLock({ $0 == nil }) { close(listener) }
    }

    /// Connections accepted so far.
    var connectionCount: Int { connections.load(ordering: .relaxed) }

    /// A URL of this server.
    func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    private func count() -> Int { connections.wrappingAdd(1, ordering: .relaxed).oldValue }
}

/// A request as a raw server read it.
struct RawRequest: Sendable {
    let lines: [String]
    let body: [UInt8]

    /// The first line.
    var line: String { lines.first ?? "" }

    /// The value of a header field.
    func header(_ name: String) -> String? {
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name else { continue }
            return String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        return nil
    }
}

/// What a server's threads saw, for a test to look at.
final class Seen<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])

    var all: [Value] { values.withLock { $0 } }

    func add(_ value: Value) {
        values.withLock { $0.append(value) }
    }
}
