import Host
import PluginAPI
import Testing

@Suite("HTTP server: malformed and hostile requests")
struct HTTPMalformedTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: String
        let status: Int
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(
            name: "both Content-Length and Transfer-Encoding",
            bytes: "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            status: 400),
        Case(
            name: "differing Content-Length",
            bytes: "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", status: 400),
        Case(
            name: "a list of lengths", bytes: "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5, 5\r\n\r\nhello",
            status: 400),
        Case(
            name: "a signed length", bytes: "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: +5\r\n\r\nhello", status: 400
        ),
        Case(name: "a negative length", bytes: "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: -5\r\n\r\n", status: 400),
        Case(
            name: "a length beyond 64 bits",
            bytes: "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999999\r\n\r\n", status: 413),
        Case(
            name: "a length beyond 63 bits",
            bytes: "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 18446744073709551614\r\n\r\n", status: 413),
        Case(name: "no Host", bytes: "GET / HTTP/1.1\r\n\r\n", status: 400),
        Case(name: "two Hosts", bytes: "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", status: 400),
        Case(
            name: "space before the colon", bytes: "GET / HTTP/1.1\r\nHost: t\r\nContent-Length : 5\r\n\r\n",
            status: 400),
        Case(name: "a field without colon", bytes: "GET / HTTP/1.1\r\nHost: t\r\nnonsense\r\n\r\n", status: 400),
        Case(name: "a field without name", bytes: "GET / HTTP/1.1\r\nHost: t\r\n: x\r\n\r\n", status: 400),
        Case(name: "a line of a colon", bytes: "GET / HTTP/1.1\r\nHost: t\r\n:\r\n\r\n", status: 400),
        Case(name: "bare line feeds", bytes: "GET / HTTP/1.1\nHost: t\n\n", status: 400),
        Case(name: "a bare CR in a value", bytes: "GET / HTTP/1.1\r\nHost: t\r\nA: b\rC: d\r\n\r\n", status: 400),
        Case(name: "a control byte in a value", bytes: "GET / HTTP/1.1\r\nHost: t\r\nA: b\u{1}c\r\n\r\n", status: 400),
        Case(name: "a space in the target", bytes: "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n", status: 400),
        Case(name: "a target that is no path", bytes: "GET nonsense HTTP/1.1\r\nHost: t\r\n\r\n", status: 400),
        Case(name: "a method that is no token", bytes: "G(T / HTTP/1.1\r\nHost: t\r\n\r\n", status: 400),
        Case(
            name: "an unknown transfer coding", bytes: "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\n\r\n",
            status: 501),
        Case(
            name: "white space behind the transfer coding",
            bytes: "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked \r\n\r\n0\r\n\r\n", status: 501),
        Case(
            name: "two transfer codings",
            bytes: "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
            status: 501),
        Case(
            name: "chunked in HTTP/1.0",
            bytes: "POST / HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", status: 400),
        Case(name: "HTTP/3.0", bytes: "GET / HTTP/3.0\r\nHost: t\r\n\r\n", status: 505),
        Case(name: "no version", bytes: "GET /\r\nHost: t\r\n\r\n", status: 400),
        Case(
            name: "a malformed chunk size",
            bytes: "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n",
            status: 400),
    ]

    @Test("a malformed request is refused and its connection closed", arguments: cases)
    func refused(_ testCase: Case) async throws {
        let handled = MutexBox(0)
        try await withServer { request in
            _ = try? await request.body.collect(upTo: 1 << 20)
            handled.update { $0 += 1 }
            return text("handled")
        } _: { _, port in
            let client = try RawClient(port: port)
            try await client.send(testCase.bytes)
            let answer = try await client.readAnswer()
            #expect(answer.status == testCase.status)
            #expect(answer["connection"]?.lowercased() == "close")
            // libmicrohttpd 0.9.75 sends its own refusal of a malformed length twice before it closes.
            let rest = String(decoding: try await client.readToEnd(), as: UTF8.self)
            #expect(rest.isEmpty || rest.contains("Content-Length"))
            // A handler of a chunked upload may have begun; it must not have got the body as complete.
            if !testCase.name.contains("chunk size") { #expect(handled.current == 0) }
        }
    }

    @Test("odd but harmless requests are understood one way")
    func harmless() async throws {
        try await withServer { request in
            text("\(request.target) \(request.headers["a"] ?? "-")")
        } _: { _, port in
            let folded = try await RawClient(port: port).get("/", "A: b\r\n c\r\n")
            #expect([200, 400].contains(folded.status))
            let absolute = try RawClient(port: port)
            try await absolute.send("GET http://other/x?y HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(try await absolute.readAnswer().text == "/x?y -")
            let emptyLines = try RawClient(port: port)
            try await emptyLines.send("\r\n\r\nGET /e HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(try await emptyLines.readAnswer().text == "/e -")
            let nul = try RawClient(port: port)
            try await nul.send(Array("GET /n HTTP/1.1\r\nHost: t\r\nA: b".utf8) + [0] + Array("c\r\n\r\n".utf8))
            let answer = try await nul.readAnswer()
            #expect(answer.status == 400 || answer.text == "/n b")
            let same = try RawClient(port: port)
            try await same.send("POST /s HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab")
            #expect(try await same.readAnswer().text == "/s -")
        }
    }

    @Test("a header above the limit gives 431", arguments: [17_000, 40_000, 200_000])
    func longHeader(size: Int) async throws {
        try await withServer { _ in
            text("unexpected")
        } _: { _, port in
            let client = try RawClient(port: port)
            try? await client.send("GET / HTTP/1.1\r\nHost: t\r\nA: \(String(repeating: "a", count: size))\r\n\r\n")
            #expect(try await client.readHead().status == 431)
        }
    }

    @Test("a request line above the limit gives 431 or 414", arguments: [17_000, 40_000])
    func longTarget(size: Int) async throws {
        try await withServer { _ in
            text("unexpected")
        } _: { _, port in
            let client = try RawClient(port: port)
            try? await client.send("GET /\(String(repeating: "a", count: size)) HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect([414, 431].contains(try await client.readHead().status))
        }
    }

    @Test("a header just below the limit is taken")
    func fullHeader() async throws {
        try await withServer { request in
            text("\(request.headers["a"]?.utf8.count ?? 0)")
        } _: { _, port in
            let client = try RawClient(port: port)
            let answer = try await client.get("/", "A: \(String(repeating: "a", count: 16_000))\r\n")
            #expect(answer.text == "16000")
        }
    }

    @Test("a header that comes too slowly loses its connection, also when bytes keep trickling")
    func slowHeader() async throws {
        var limits = HTTPLimits()
        limits.headerTimeout = .milliseconds(400)
        try await withServer(limits: limits) { _ in
            text("unexpected")
        } _: { server, port in
            let silent = try RawClient(port: port)
            let partial = try RawClient(port: port)
            try await partial.send("GET / HTTP/1.1\r\nHost:")
            let trickling = try RawClient(port: port)
            let trickle = Task {
                while !Task.isCancelled {
                    try await trickling.send("G")
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
            #expect(try await silent.readToEnd().isEmpty)
            #expect(try await partial.readToEnd().isEmpty)
            #expect((try? await trickling.readToEnd())?.isEmpty ?? true)
            trickle.cancel()
            #expect(await eventually { server.openConnections == 0 })
        }
    }

    @Test("an idle connection is closed after the idle time")
    func idle() async throws {
        var limits = HTTPLimits()
        limits.idleTimeout = .milliseconds(300)
        try await withServer(limits: limits) { _ in
            text("x")
        } _: { _, port in
            let client = try RawClient(port: port)
            #expect(try await client.get("/").text == "x")
            #expect(try await client.readToEnd().isEmpty)
        }
    }

    @Test("connections above the limit are closed")
    func connectionLimit() async throws {
        var limits = HTTPLimits()
        limits.connections = 4
        try await withServer(limits: limits) { _ in
            text("x")
        } _: { server, port in
            var clients: [RawClient] = []
            for _ in 0..<4 {
                let client = try RawClient(port: port)
                #expect(try await client.get("/").status == 200)
                clients.append(client)
            }
            let extra = try RawClient(port: port)
            _ = try? await extra.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(((try? await extra.readToEnd()) ?? []).isEmpty)
            #expect(server.openConnections == 4)
            clients.removeAll()
            #expect(await eventually { server.openConnections == 0 })
            #expect(try await RawClient(port: port).get("/").status == 200)
        }
    }
}
