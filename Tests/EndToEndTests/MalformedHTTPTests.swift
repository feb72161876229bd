import PluginAPI
import Testing

@Suite("clients that break the rules of HTTP")
struct MalformedHTTPTests {
    /// Bytes that no correct client sends, and the statuses that may answer; 0 is a close without an answer.
    private struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let statuses: [Int]
        var finishing = false

        init(_ name: String, _ text: String, _ statuses: [Int], finishing: Bool = false) {
            (self.name, bytes, self.statuses, self.finishing) = (name, Array(text.utf8), statuses, finishing)
        }

        var testDescription: String { name }
    }

    private static let host = "Host: 127.0.0.1\r\n"
    private static let post = "POST /api/prompt HTTP/1.1\r\n\(host)"

    private static let cases = [
        Case(
            "a header of 20 KiB", "GET / HTTP/1.1\r\n\(host)X: \(String(repeating: "x", count: 20 << 10))\r\n\r\n",
            [431]),
        Case(
            "3000 header fields", "GET / HTTP/1.1\r\n\(host)" + String(repeating: "A: b\r\n", count: 3000) + "\r\n",
            [431]),
        Case(
            "a target of 40 KiB", "GET /\(String(repeating: "a", count: 40 << 10)) HTTP/1.1\r\n\(host)\r\n", [414, 431]),
        Case(
            "Transfer-Encoding and Content-Length",
            "\(post)Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
            [400]),
        Case("two different Content-Lengths", "\(post)Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", [400]),
        Case("a negative Content-Length", "\(post)Content-Length: -5\r\n\r\n", [400]),
        Case("a Content-Length in words", "\(post)Content-Length: many\r\n\r\n", [400]),
        Case("a Content-Length beyond 64 bits", "\(post)Content-Length: 99999999999999999999999\r\n\r\n", [400, 413]),
        Case("an unknown transfer coding", "\(post)Transfer-Encoding: gzip\r\n\r\n{}", [400, 501]),
        Case("a chunk size that is none", "\(post)Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n", [400, 0]),
        Case(
            "a chunk size beyond 64 bits",
            "\(post)Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n",
            [400, 413, 0]),
        Case("a negative chunk size", "\(post)Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n", [400, 0]),
        // For libmicrohttpd a text ends at its NUL, so what follows is not seen.
        Case(
            "a NUL in a field", "GET /health/live HTTP/1.1\r\n\(host)Connection: close\r\nX: a\u{0}b\r\n\r\n",
            [400, 200]),
        Case("a NUL in the target", "GET /a\u{0}b HTTP/1.1\r\n\(host)Connection: close\r\n\r\n", [400, 404]),
        Case("HTTP/0.9", "GET /queue\r\n", [400, 505, 0]),
        Case("no Host", "GET /queue HTTP/1.1\r\n\r\n", [400]),
        Case("HTTP/3.7", "GET /queue HTTP/3.7\r\n\(host)\r\n", [400, 505]),
        Case("a line that is no request", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n", [400, 0]),
        Case("a space before the colon", "GET /queue HTTP/1.1\r\n\(host)X : a\r\n\r\n", [400]),
        Case(
            "an escape that is none", "GET /view?filename=%ZZ%2 HTTP/1.1\r\n\(host)Connection: close\r\n\r\n",
            [400, 404]),
        Case(
            "invalid UTF-8 in the path", "GET /%FF%FE%C0%AF HTTP/1.1\r\n\(host)Connection: close\r\n\r\n", [400, 404]),
        Case(
            "a huge Content-Length and then the end", "\(post)Content-Length: 60000000\r\n\r\n{\"prompt\"", [400, 0],
            finishing: true),
        Case("a truncated chunk", "\(post)Transfer-Encoding: chunked\r\n\r\n40\r\n{\"pro", [400, 0], finishing: true),
        Case(
            "a truncated upload",
            "POST /api/workers HTTP/1.1\r\n\(host)Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 90000\r\n\r\n"
                + "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\nabc",
            [415, 0], finishing: true),
        Case(
            "JSON 10,000 levels deep",
            body(String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000)),
            [400, 422]),
        // Legal, so it would be run if there were a worker.
        Case("a prompt that is 400 levels deep", body(deep(400)), [503]),
        Case("JSON that breaks off", body(#"{"prompt": {"1": "#), [400, 422]),
        Case("a lone surrogate", body(#"{"prompt": "\ud800"}"#), [400, 422]),
    ]

    private static func deep(_ levels: Int) -> String {
        let inner = String(repeating: #"{"a":"#, count: levels) + "1" + String(repeating: "}", count: levels)
        return #"{"prompt": {"1": {"class_type": "EmptyImage", "inputs": "# + inner + "}}}"
    }

    private static func body(_ text: String) -> String {
        "\(post)Connection: close\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
    }

    @Test("each broken request gets an error or a close, and the daemon keeps its descriptors and memory")
    func table() async throws {
        let configuration = """
            limits: { header_timeout: 1s, idle_timeout: 2s }
            plugins: { gateway: {} }
            """
        try await withDaemon(configuration) { daemon in
            // The first round fills caches and pools; the second must leave nothing behind.
            try await send(Self.cases, to: daemon)
            try await settle(daemon)
            let descriptors = ProcessFacts.openDescriptors(of: daemon.pid)
            let memory = try ProcessFacts.residentBytes(of: daemon.pid)
            for _ in 0..<3 { try await send(Self.cases, to: daemon) }
            try await settle(daemon)
            let leaked = ProcessFacts.openDescriptors(of: daemon.pid) - descriptors
            #expect(leaked <= 2, "\(leaked) descriptors more")
            let grown = try ProcessFacts.residentBytes(of: daemon.pid) - memory
            #expect(grown < 24 << 20 || Places.isSanitized, "resident memory grew by \(grown >> 10) KiB")
        }
    }

    @Test("invalid UTF-8 in JSON is refused")
    func encoding() async throws {
        try await withDaemon("plugins: { gateway: {} }") { daemon async throws in
            let body = Array(#"{"prompt": {"1": ""#.utf8) + [0xC3, 0x28] + Array(#""}}"#.utf8)
            #expect([400, 422].contains(try await daemon.probe.send("POST", "/api/prompt", body: body).status))
        }
    }

    @Test("a JSON body above its limit is refused with 413, also when it comes in chunks")
    func tooLarge() async throws {
        try await withDaemon("plugins: { gateway: {} }") { daemon in
            let body = [UInt8](repeating: UInt8(ascii: " "), count: 65 << 20)
            let answer = try await daemon.probe.send("POST", "/api/prompt", body: body)
            #expect(answer.status == 413)
            #expect(answer.json["detail"] != nil)
            let chunk = Array("100000\r\n".utf8) + [UInt8](repeating: 32, count: 1 << 20) + Array("\r\n".utf8)
            var chunked = Array("\(Self.post)Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".utf8)
            for _ in 0..<65 { chunked += chunk }
            chunked += Array("0\r\n\r\n".utf8)
            let reply = try await daemon.probe.raw(chunked, timeout: 20)
            #expect(String(decoding: reply.bytes.prefix(12), as: UTF8.self) == "HTTP/1.1 413")
            // Refused bodies are not kept.
            let resident = try ProcessFacts.residentBytes(of: daemon.pid)
            #expect(resident < 300 << 20 || Places.isSanitized, "\(resident >> 20) MiB")
        }
    }

    @Test("a client that sends its header slowly is cut off, and costs the others nothing")
    func slowHeader() async throws {
        try await withDaemon("limits: { header_timeout: 1s }\nplugins: { gateway: {} }") { daemon in
            let port = daemon.port
            let slow = Task {
                try await concurrently(Array(0..<20)) { _ in
                    try await onThread {
                        let connection = try TCPConnection(port: port, timeout: 8)
                        try connection.write(Array("GET /health/live HTTP/1.1\r\nHost: a\r\n".utf8))
                        let start = ContinuousClock.now
                        let (_, ended) = connection.readToEnd()
                        return (ended, ContinuousClock.now - start)
                    }
                }
            }
            for _ in 0..<20 { #expect(try await daemon.probe.get("/health/live").status == 200) }
            for (ended, time) in try await slow.value {
                #expect(ended, "the connection stayed open")
                #expect(time < .seconds(6) && time > .milliseconds(500), "\(time)")
            }
        }
    }

    private func send(_ cases: [Case], to daemon: DaemonProcess) async throws {
        let probe = daemon.probe
        let answers = try await concurrently(cases) {
            try await probe.raw($0.bytes, finishing: $0.finishing, timeout: 6 * Places.patience)
        }
        for (test, (bytes, ended)) in zip(cases, answers) {
            let head = String(decoding: bytes.prefix(12), as: UTF8.self)
            let status = bytes.isEmpty ? 0 : Int(head.dropFirst(9)) ?? -1
            #expect(test.statuses.contains(status), "\(test.name): \(status)")
            #expect(ended, "\(test.name): the connection stays open")
        }
        try #require(daemon.isRunning, "the daemon died\n\(daemon.tail)")
        #expect(try await daemon.probe.get("/health/live").status == 200)
    }

    /// Waits until the connections of the broken requests are gone.
    private func settle(_ daemon: DaemonProcess) async throws {
        var last = -1
        try await eventually("descriptors settle") {
            let now = ProcessFacts.openDescriptors(of: daemon.pid)
            defer { last = now }
            try await Task.sleep(for: .milliseconds(300))
            return now == last
        }
    }
}
