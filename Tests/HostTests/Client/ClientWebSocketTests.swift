import Glibc
import Host
import PluginAPI
import Synchronization
import Testing

@Suite("the HTTP client opens WebSockets")
struct ClientWebSocketTests {
    @Test("messages of all sizes come back, plain and over TLS", arguments: [false, true])
    func echo(isSecure: Bool) async throws {
        try await withEchoServer(isSecure: isSecure) { client, url in
            let socket = try await client.webSocket(ClientRequest(.get, url))
            for size in [0, 1, 125, 126, 16_383, 16_384, 65_535, 65_536] + (isSecure ? [] : [200_001, 3_000_000]) {
                let bytes = patternBytes(size)
                async let sent: Void = socket.send(.binary(bytes))
                let answer = try await socket.receive()
                #expect(answer == .binary(bytes), "\(size) bytes")
                try await sent
            }
            try await socket.send(.text("grüße"))
            #expect(try await socket.receive() == .text("grüße"))
            await socket.close(code: 1000, reason: "")
            #expect(try await socket.receive() == nil)
            try await becomesTrue { await client.requestCount == 0 }
        }
    }

    @Test("many messages in a row keep their order, whatever the reader's pace", arguments: [false, true])
    func burst(isSlow: Bool) async throws {
        try await withEchoServer(isSecure: false) { client, url in
            let socket = try await client.webSocket(ClientRequest(.get, url))
            let sender = Task {
                for number in 0..<3000 {
                    try await socket.send(.text("\(number) " + String(repeating: "x", count: 900)))
                }
            }
            for number in 0..<3000 {
                guard case .text(let text) = try await socket.receive() else { break }
                if !text.hasPrefix("\(number) ") {
                    Issue.record("message \(number) is \(text.prefix(10))")
                    break
                }
                if isSlow, number % 500 == 0 { try await Task.sleep(for: .milliseconds(50)) }
            }
            try await sender.value
            await socket.close(code: 1000, reason: "")
        }
    }

    @Test("header fields, query and credentials reach the server")
    func request() async throws {
        let seen = Seen<RawRequest>()
        let server = RawServer { connection in
            guard let request = connection.readRequest() else { return }
            seen.add(request)
            connection.answer(status: "403 Forbidden")
        }
        try await withClient { client, _ in
            let url = "ws://127.0.0.1:\(server.port)?clientId=a%20b#part"
            let error = try await clientError {
                _ = try await client.webSocket(
                    ClientRequest(
                        .get, url, headers: ["X-A": "1", "Sec-WebSocket-Key": "mine", "Host": "other"],
                        credentials: BasicCredentials(username: "u", password: Secret("hidden-word"))))
            }
            #expect(error.reason == .upgradeRefused)
            #expect(error.message.contains("403"))
            #expect(!error.description.contains("hidden-word"))
        }
        let request = try #require(seen.all.first)
        #expect(request.line == "GET /?clientId=a%20b HTTP/1.1")
        #expect(request.header("host") == "127.0.0.1:\(server.port)")
        #expect(request.header("x-a") == "1")
        #expect(request.header("upgrade") == "websocket")
        #expect(request.header("sec-websocket-version") == "13")
        #expect(request.header("sec-websocket-key")?.utf8.count == 24)
        #expect(request.header("authorization") == "Basic dTpoaWRkZW4td29yZA==")
    }

    @Test(
        "handshakes that RFC 6455 §4.1 refuses",
        arguments: [
            "200 OK\r\n", "101 Sure\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
            "101 Sure\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
            "101 Sure\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n",
            "101 Sure\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n",
            "101 Sure\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
                + "Sec-WebSocket-Extensions: permessage-deflate\r\n",
            "101 Sure\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
                + "Sec-WebSocket-Protocol: chat\r\n",
        ])
    func badHandshake(_ answer: String) async throws {
        let server = handshakeServer(answer) { $0.readToEnd() }
        try await withClient { client, _ in
            let error = try await clientError { _ = try await client.webSocket(ClientRequest(.get, server.url())) }
            #expect(error.reason == .upgradeRefused)
            #expect(error.mayHaveBeenProcessed)
            #expect(await client.requestCount == 0)
        }
    }

    @Test("a frame that comes together with the handshake is not lost, nor one in pieces")
    func earlyFrame() async throws {
        let good =
            "101 Sure\r\nupgrade: WebSocket\r\nconnection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
            + "Sec-WebSocket-Protocol: b\r\n"
        let server = handshakeServer(good, then: [0x81, 2, 0x68, 0x69]) { connection in
            for byte in [0x82, 1, 7] as [UInt8] { connection.write([byte]) }
            connection.readToEnd()
        }
        try await withClient { client, _ in
            let request = ClientRequest(.get, server.url(), headers: ["Sec-WebSocket-Protocol": "a, b"])
            let socket = try await client.webSocket(request)
            #expect(try await socket.receive() == .text("hi"))
            #expect(try await socket.receive() == .binary([7]))
            await socket.close(code: 1000, reason: "")
        }
    }

    @Test("a peer that breaks the connection is an error, not an end")
    func broken() async throws {
        let good = "101 Sure\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
        let server = handshakeServer(good) { _ in }
        try await withClient { client, _ in
            let socket = try await client.webSocket(ClientRequest(.get, server.url()))
            await #expect(throws: WebSocketError.self) { _ = try await socket.receive() }
            try await becomesTrue { await client.requestCount == 0 }
        }
    }

    @Test("a refused connection, an answer that does not come, and an endless one")
    func failures() async throws {
        let refusing = RawServer(backlog: nil, nil)
        let silent = RawServer { $0.readToEnd() }
        let endless = RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 101 Sure\r\n")
            while connection.write("X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n") {}
        }
        let closing = RawServer { _ = $0.readRequest() }
        try await withClient { client, _ in
            func failure(_ server: RawServer) async throws -> HTTPClientError {
                try await clientError {
                    _ = try await client.webSocket(ClientRequest(.get, server.url(), timeout: .seconds(1)))
                }
            }
            let refused = try await failure(refusing)
            #expect(refused.reason == .connect && !refused.mayHaveBeenProcessed)
            let late = try await failure(silent)
            #expect(late.reason == .timeout && late.mayHaveBeenProcessed)
            #expect(try await failure(endless).reason == .tooLarge)
            #expect(try await failure(closing).reason == .connection)
            #expect(await client.requestCount == 0)
        }
    }

    @Test("cancelling gives the handshake up")
    func cancel() async throws {
        let arrived = Semaphore()
        let gone = Semaphore()
        let server = RawServer { connection in
            _ = connection.readRequest()
            arrived.signal()
            connection.readToEnd()
            gone.signal()
        }
        try await withClient { client, _ in
            let task = Task { _ = try await client.webSocket(ClientRequest(.get, server.url())) }
            await arrived.signalled()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            await gone.signalled()
        }
    }

    @Test("shutting down breaks open WebSockets off")
    func shutDown() async throws {
        try await withEchoServer(isSecure: false) { client, url in
            let socket = try await client.webSocket(ClientRequest(.get, url))
            let receiving = Task { try await socket.receive() }
            await client.shutDown()
            await #expect(throws: WebSocketError.self) { _ = try await receiving.value }
        }
    }

    // MARK: - Servers

    private func handshakeServer(
        _ answer: String, then frame: [UInt8] = [], _ go: @escaping @Sendable (RawServer.Connection) -> Void
    ) -> RawServer {
        RawServer { connection in
            guard let request = connection.readRequest(), let key = request.header("sec-websocket-key") else { return }
            let accept = openSSLAccept(key)
            let parts = answer.split(separator: "{accept}", omittingEmptySubsequences: false).joined(separator: accept)
            connection.write(Array("HTTP/1.1 \(parts)\r\n".utf8) + frame)
            go(connection)
        }
    }

    private func withEchoServer(
        isSecure: Bool, _ body: @escaping (CurlHTTPClient, String) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let tls = isSecure ? try makeCertificate(in: directory) : nil
            try await withServer(tls: tls) { _ in
                .upgrade(WebSocketAcceptance(maximumMessageSize: 8 << 20)) { socket in
                    while let message = try? await socket.receive() {
                        do { try await socket.send(message) } catch { return }
                    }
                }
            } _: { _, port in
                var settings = HTTPClientSettings()
                settings.certificateAuthorities = tls?.certificate
                try await withClient(settings: settings) { client, _ in
                    try await body(client, "\(isSecure ? "wss" : "ws")://127.0.0.1:\(port)/ws")
                }
            }
        }
    }
}
