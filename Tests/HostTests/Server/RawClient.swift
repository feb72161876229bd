import Glibc
import Host
import Testing

/// A TCP client that sends what it is told, however wrong; its blocking calls run on threads of their own.
final class RawClient: Sendable {
    struct Answer {
        var status = 0
        var headers: [(name: String, value: String)] = []
        var body: [UInt8] = []

        subscript(_ name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    struct Failure: Error {
        let reason: String
    }

    static let threads = BlockingPool(name: "raw-client", threads: 64)
    let descriptor: Int32
    private let rest = MutexBox<[UInt8]>([])

    init(port: UInt16, address host: String = "127.0.0.1", receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = 2
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Failure(reason: String(cString: strerror(errno))) }
    }

    deinit {
        close(descriptor)
    }

    func shutDownWriting() { shutdown(descriptor, Int32(SHUT_WR)) }
    func shutDown() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Breaks the connection at once, as a client that dies does.
    ///
    /// A mere shutdown would say nothing to a server that waits for room: its window is closed, and nothing asks for an answer.
    func reset() {
        var nowhere = sockaddr()
        nowhere.sa_family = sa_family_t(AF_UNSPEC)
        connect(descriptor, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    /// Sends on the caller's thread what fits into the socket's buffer.
    func sendNow(_ bytes: [UInt8]) { _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// Waits on the caller's thread for bytes; empty at the end of the stream, or when none came for twenty seconds.
    func readNow() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return Array(buffer.prefix(max(0, count)))
    }

    func send(_ bytes: [UInt8]) async throws {
        try await Self.threads.run { [descriptor] in
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { throw Failure(reason: "send: \(String(cString: strerror(errno)))") }
                sent += count
            }
        }
    }

    /// Bytes as they come, empty at the end of the stream.
    func read() async throws -> [UInt8] {
        let kept = rest.take()
        if !kept.isEmpty { return kept }
        return try await Self.threads.run { [descriptor] in
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count >= 0 else { throw Failure(reason: "recv: \(String(cString: strerror(errno)))") }
            return Array(buffer.prefix(count))
        }
    }

    func read(exactly count: Int) async throws -> [UInt8] {
        if count == 0 { return [] }
        var bytes: [UInt8] = []
        while bytes.count < count {
            let piece = try await read()
            if piece.isEmpty { throw Failure(reason: "end of stream after \(bytes.count) of \(count) bytes") }
            bytes += piece
        }
        rest.put(Array(bytes[count...]))
        return Array(bytes.prefix(count))
    }

    func readToEnd() async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let piece = try await read()
            if piece.isEmpty { return bytes }
            bytes += piece
        }
    }

    private func readLine() async throws -> String {
        var line: [UInt8] = []
        while true {
            let piece = try await read()
            if piece.isEmpty {
                throw Failure(reason: "end of stream in a line: \(String(decoding: line, as: UTF8.self))")
            }
            if let end = piece.firstIndex(of: 10) {
                line += piece[..<end]
                rest.put(Array(piece[(end + 1)...]))
                return String(decoding: line.last == 13 ? line.dropLast() : line[...], as: UTF8.self)
            }
            line += piece
        }
    }

    /// Status line and header of one answer.
    func readHead() async throws -> Answer {
        var answer = Answer()
        let parts = try await readLine().split(separator: " ")
        answer.status = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        while true {
            let line = try await readLine()
            if line.isEmpty { return answer }
            let field = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            answer.headers.append((String(field[0]), field.count > 1 ? String(field[1].drop { $0 == " " }) : ""))
        }
    }

    /// One whole answer.
    func readAnswer(hasBody: Bool = true) async throws -> Answer {
        var answer = try await readHead()
        if !hasBody || answer.status == 204 || answer.status == 304 { return answer }
        if answer["transfer-encoding"] == "chunked" {
            while true {
                let size = Int(try await readLine(), radix: 16) ?? 0
                answer.body += try await read(exactly: size)
                _ = try await readLine()
                if size == 0 { return answer }
            }
        }
        if let length = answer["content-length"].flatMap({ Int($0) }) {
            answer.body = try await read(exactly: length)
        } else {
            answer.body = try await readToEnd()
        }
        return answer
    }

    func get(_ target: String, _ headers: String = "") async throws -> Answer {
        try await send("GET \(target) HTTP/1.1\r\nHost: test\r\n\(headers)\r\n")
        return try await readAnswer()
    }
}
