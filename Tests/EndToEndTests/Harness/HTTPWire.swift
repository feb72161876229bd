import PluginAPI

/// An answer as it was on the wire.
struct HTTPAnswer: Sendable, CustomStringConvertible {
    var status: Int
    var fields: [(name: String, value: String)]
    var body: [UInt8]

    /// The first value of a field, whatever the case of its name.
    subscript(name: String) -> String? {
        fields.first { $0.name == name.lowercased() }?.value
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON, `null` when it is none.
    var json: JSON { (try? JSON(parsing: body)) ?? .null }

    var description: String {
        "\(status) " + fields.map { "\($0.name): \($0.value)" }.joined(separator: ", ") + "\n\(text.prefix(2000))"
    }
}

/// A request to send.
struct HTTPRequest: Sendable {
    var method = "GET"
    var target: String
    var fields: [(String, String)] = []
    var body: [UInt8]?
    var keepAlive = false

    func bytes(port: UInt16) -> [UInt8] {
        var head = "\(method) \(target) HTTP/1.1\r\n"
        if !fields.contains(where: { $0.0.lowercased() == "host" }) { head += "Host: 127.0.0.1:\(port)\r\n" }
        for (name, value) in fields { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        if !keepAlive { head += "Connection: close\r\n" }
        return Array((head + "\r\n").utf8) + (body ?? [])
    }
}

/// HTTP/1.1 over one connection, as RFC 9112 frames it; stays in one thread.
final class HTTPWire {
    let connection: TCPConnection
    private let port: UInt16
    private var buffer: [UInt8] = []
    /// Whether the peer said that this was the last answer.
    private(set) var isLast = false

    /// - Throws: ``ProbeError``.
    init(port: UInt16, timeout: Double) throws(ProbeError) {
        self.port = port
        connection = try TCPConnection(port: port, timeout: timeout)
    }

    /// Sends a request and reads its answer.
    ///
    /// - Throws: ``ProbeError``; `closed` only when the peer closed before the first byte of the answer.
    func exchange(_ request: HTTPRequest) throws(ProbeError) -> HTTPAnswer {
        do {
            try connection.write(request.bytes(port: port))
        } catch {
            // A refusal may be waiting although the peer no longer reads.
            if error != .closed { throw error }
        }
        return try answer(toHead: request.method == "HEAD")
    }

    /// Reads one final answer.
    ///
    /// - Throws: ``ProbeError``.
    func answer(toHead: Bool = false) throws(ProbeError) -> HTTPAnswer {
        while true {
            var answer = try head()
            isLast = answer["connection"]?.lowercased() == "close"
            if (100..<200).contains(answer.status), answer.status != 101 { continue }
            if toHead || answer.status == 204 || answer.status == 304 || answer.status == 101 { return answer }
            if answer["transfer-encoding"]?.lowercased() == "chunked" {
                answer.body = try chunks()
            } else if let length = answer["content-length"] {
                guard let count = Int(length), count >= 0 else { throw .malformed("Content-Length \(length)") }
                answer.body = try take(count)
            } else {
                let (rest, ended) = connection.readToEnd()
                guard ended else { throw .timeout }
                answer.body = buffer + rest
                isLast = true
            }
            return answer
        }
    }

    /// Takes what was read beyond the answer, for the protocol that follows an upgrade.
    func takeRest() -> [UInt8] {
        defer { buffer = [] }
        return buffer
    }

    private func head() throws(ProbeError) -> HTTPAnswer {
        let first = buffer.isEmpty
        var lines: [String] = []
        while true {
            let text = String(decoding: try line(mayEnd: first && lines.isEmpty), as: UTF8.self)
            if text.isEmpty { break }
            lines.append(text)
        }
        guard let start = lines.first, start.hasPrefix("HTTP/1."), let code = Int(start.dropFirst(9).prefix(3)) else {
            throw .malformed("status line \"\(lines.first ?? "")\"")
        }
        let fields = lines.dropFirst().map { line -> (name: String, value: String) in
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
            return (parts[0].lowercased(), value)
        }
        return HTTPAnswer(status: code, fields: Array(fields), body: [])
    }

    private func chunks() throws(ProbeError) -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let size = String(decoding: try line().prefix { $0 != UInt8(ascii: ";") }, as: UTF8.self)
            guard let count = Int(size, radix: 16) else { throw .malformed("chunk size \"\(size)\"") }
            if count == 0 { break }
            body += try take(count)
            guard try take(2) == [13, 10] else { throw .malformed("no end of chunk") }
        }
        while try !line().isEmpty {}
        return body
    }

    private func line(mayEnd: Bool = false) throws(ProbeError) -> [UInt8] {
        var searched = 0
        while true {
            if let end = buffer[searched...].firstIndex(of: 10) {
                let line = buffer[..<end]
                buffer.removeFirst(end + 1)
                return Array(line.last == 13 ? line.dropLast() : line)
            }
            searched = buffer.count
            try fill(mayEnd: mayEnd && buffer.isEmpty)
        }
    }

    private func take(_ count: Int) throws(ProbeError) -> [UInt8] {
        while buffer.count < count { try fill() }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    private func fill(mayEnd: Bool = false) throws(ProbeError) {
        do {
            let bytes = try connection.read()
            if !bytes.isEmpty {
                buffer += bytes
                return
            }
        } catch {
            if error != .closed { throw error }
        }
        throw mayEnd ? .closed : .malformed("the answer was cut off after \(buffer.count) bytes")
    }
}
