import Glibc
import PluginAPI
import Synchronization

/// An HTTP server on a loopback port whose answers a test gives; a thread for each connection, one request for each.
final class LocalServer: Sendable {
    /// What the server says to a request.
    struct Answer: Sendable {
        var status = 200
        var fields: [(String, String)] = []
        var body: [UInt8] = []

        /// An answer with JSON.
        static func json(_ value: JSON) -> Answer {
            Answer(fields: [("Content-Type", "application/json")], body: value.serialized())
        }
    }

    /// A request without its body.
    struct Head: Sendable {
        /// Path and query.
        var target: String
        var fields: [(name: String, value: String)]

        /// The first value of a field, whatever the case of its name.
        subscript(name: String) -> String? { fields.first { $0.name == name.lowercased() }?.value }
    }

    let port: UInt16
    private let listener: Int32
    private let seen = Seen()

    /// - Throws: ``ProbeError``.
    init(_ answer: @escaping @Sendable (Head) -> Answer) throws(ProbeError) {
        (listener, port) = try TCPConnection.listen()
        startThread { [listener, seen] in
            // Ends when the listener is shut.
            while case let accepted = accept(listener, nil, nil), accepted >= 0 {
                startThread {
                    let connection = TCPConnection(accepted: accepted)
                    guard let head = try? Self.head(connection) else { return }
                    seen.heads.withLock { $0.append(head) }
                    try? connection.write(Self.bytes(answer(head)))
                    connection.finishWriting()
                    _ = connection.readToEnd()
                }
            }
            close(listener)
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
    }

    var url: String { "http://127.0.0.1:\(port)" }

    /// The requests so far.
    var requests: [Head] { seen.heads.withLock { $0 } }

    /// What the threads share with the server, which may go before them.
    private final class Seen: Sendable {
        let heads = Mutex<[Head]>([])
    }

    private static func head(_ connection: TCPConnection) throws(ProbeError) -> Head {
        var bytes: [UInt8] = []
        while bytes.firstRange(of: Array("\r\n\r\n".utf8)) == nil {
            let more = try connection.read()
            guard !more.isEmpty else { throw .closed }
            bytes += more
        }
        // A body that came along ends what is read as the header.
        let end = bytes.firstRange(of: Array("\r\n\r\n".utf8))?.lowerBound ?? bytes.endIndex
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let fields = lines.dropFirst().map { line -> (name: String, value: String) in
            let name = line.prefix { $0 != ":" }
            return (name.lowercased(), String(line.dropFirst(name.count + 1).drop { $0 == " " }))
        }
        let words = (lines.first ?? "").split(separator: " ")
        guard words.count == 3 else { throw .malformed(String(lines.first ?? "")) }
        return Head(target: String(words[1]), fields: fields)
    }

    private static func bytes(_ answer: Answer) -> [UInt8] {
        var head = "HTTP/1.1 \(answer.status) -\r\nContent-Length: \(answer.body.count)\r\nConnection: close\r\n"
        for (name, value) in answer.fields { head += "\(name): \(value)\r\n" }
        return Array((head + "\r\n").utf8) + answer.body
    }
}
