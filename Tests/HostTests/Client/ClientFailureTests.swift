import Glibc
import Host
import PluginAPI
import Synchronization
import Testing

@Suite("the HTTP client says what failed and whether the peer may have processed the request")
struct ClientFailureTests {
    @Test("a POST on a reused connection that dies unanswered arrives once", arguments: [0, 10, 50_000, 500_000])
    func postIsNotSentAgain(size: Int) async throws {
        let seen = Seen<String>()
        let server = RawServer { connection in
            guard let first = connection.readRequest() else { return }
            seen.add(first.line)
            connection.answer()
            // Read in full, perhaps worked on, never answered.
            if let second = connection.readRequest() { seen.add(second.line) }
        }
        var settings = HTTPClientSettings()
        // However slow the machine is, the connection shall be reused.
        settings.idleLifetimeForUnsafeMethods = .seconds(600)
        settings.idleConnectionLifetime = .seconds(600)
        try await withClient(settings: settings) { client, _ in
            _ = try await client.send(ClientRequest(.get, server.url("/first")))
            let error = try await clientError {
                let body = HTTPBody([UInt8](repeating: 1, count: size))
                _ = try await client.send(ClientRequest(.post, server.url("/prompt"), body: body))
            }
            #expect(error.reason == .connection)
            #expect(error.mayHaveBeenProcessed)
        }
        #expect(seen.all == ["GET /first HTTP/1.1", "POST /prompt HTTP/1.1"])
        #expect(server.connectionCount == 1)
    }

    @Test("a GET on a reused connection that dies unanswered is sent again on a fresh one")
    func getIsSentAgain() async throws {
        let seen = Seen<String>()
        let server = RawServer { connection in
            guard let first = connection.readRequest() else { return }
            seen.add(first.line)
            connection.answer("\(connection.number)")
            if connection.number == 0, let second = connection.readRequest() { seen.add(second.line) }
        }
        try await withClient { client, _ in
            _ = try await client.send(ClientRequest(.get, server.url("/a")))
            #expect(try await client.send(ClientRequest(.get, server.url("/b"))).text == "1")
        }
        #expect(seen.all == ["GET /a HTTP/1.1", "GET /b HTTP/1.1", "GET /b HTTP/1.1"])
    }

    @Test("a POST finds out that the idle connection was closed, and takes a fresh one")
    func idleCloseIsSeen() async throws {
        let closed = Semaphore()
        let server = RawServer { connection in
            guard connection.readRequest() != nil else { return }
            connection.answer("\(connection.number)")
            connection.shut()
            closed.signal()
        }
        try await withClient { client, _ in
            for number in 0..<5 {
                let body = HTTPBody(Array("x".utf8))
                let answer = try await client.send(ClientRequest(.post, server.url(), body: body))
                #expect(try await answer.text == "\(number)")
                await closed.signalled()
            }
        }
        #expect(server.connectionCount == 5)
    }

    @Test("a refused connection")
    func refused() async throws {
        let server = RawServer(backlog: nil, nil)
        try await withClient { client, _ in
            for method in [HTTPMethod.get, .post] {
                let error = try await clientError {
                    _ = try await client.send(ClientRequest(method, server.url("/secret?token=1")))
                }
                #expect(error.reason == .connect)
                #expect(error.wasRefused)
                #expect(!error.mayHaveBeenProcessed)
                #expect(error.message.contains("127.0.0.1:\(server.port)"))
                #expect(!error.message.contains("token"))
            }
        }
    }

    @Test("a connection that is never accepted runs into the connect timeout")
    func blackHole() async throws {
        let server = RawServer(backlog: 0, nil)
        let fillers = (0..<8).map { _ in connectingSocket(to: server.port) }
        defer { for filler in fillers { close(filler) } }
        try await withClient { client, _ in
            let error = try await clientError {
                _ = try await client.send(
                    ClientRequest(.post, server.url(), body: HTTPBody([1]), connectTimeout: .milliseconds(150)))
            }
            #expect(error.reason == .connect)
            #expect(!error.wasRefused)
            #expect(!error.mayHaveBeenProcessed)
            let late = try await clientError {
                _ = try await client.send(ClientRequest(.get, server.url(), timeout: .milliseconds(100)))
            }
            #expect(late.reason == .connect)
            #expect(!late.mayHaveBeenProcessed)
        }
    }

    @Test("a name that does not exist")
    func resolve() async throws {
        try await withClient { client, _ in
            let error = try await clientError {
                _ = try await client.send(ClientRequest(.get, "http://nowhere.invalid/"))
            }
            #expect(error.reason == .resolve)
            #expect(!error.mayHaveBeenProcessed)
        }
    }

    @Test("TLS with a peer that speaks none")
    func noTLS() async throws {
        let server = RawServer { connection in
            _ = connection.readLine()
            connection.write("HTTP/1.1 400 Bad Request\r\n\r\n")
        }
        try await withClient { client, _ in
            let error = try await clientError {
                _ = try await client.send(ClientRequest(.post, "https://127.0.0.1:\(server.port)/"))
            }
            #expect(error.reason == .tls)
            #expect(!error.mayHaveBeenProcessed)
        }
    }

    @Test("an answer that does not come")
    func timeout() async throws {
        let server = RawServer { connection in
            _ = connection.readRequest()
            connection.readToEnd()
        }
        try await withClient { client, _ in
            let error = try await clientError {
                _ = try await client.send(ClientRequest(.get, server.url(), timeout: .seconds(1)))
            }
            #expect(error.reason == .timeout)
            #expect(error.mayHaveBeenProcessed)
            #expect(await client.requestCount == 0)
        }
    }

    @Test("silence within the body")
    func idleTimeout() async throws {
        let server = RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            connection.readToEnd()
        }
        try await withClient { client, _ in
            let answer = try await client.send(ClientRequest(.get, server.url(), idleTimeout: .milliseconds(100)))
            #expect(answer.body.length == 10)
            let error = try await clientError { _ = try await answer.text }
            #expect(error.reason == .timeout)
            #expect(error.mayHaveBeenProcessed)
        }
    }

    @Test(
        "a body that ends early is an error, never a clean end",
        arguments: [
            "Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "Transfer-Encoding: chunked\r\n\r\n9\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
        ])
    func truncated(_ rest: String) async throws {
        let server = RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\n" + rest)
        }
        try await withClient { client, _ in
            let answer = try await client.send(ClientRequest(.get, server.url()))
            #expect(answer.status == 200)
            var bytes: [UInt8] = []
            let error = try await clientError {
                for try await piece in answer.body { bytes += piece }
            }
            #expect(error.reason == .connection)
            #expect(error.mayHaveBeenProcessed)
            #expect("half".utf8.starts(with: bytes))
        }
    }

    @Test("a reset within the body")
    func resetInBody() async throws {
        let mayReset = Semaphore()
        let server = RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            mayReset.wait()
            connection.reset()
        }
        try await withClient { client, _ in
            let answer = try await client.send(ClientRequest(.get, server.url()))
            mayReset.signal()
            let error = try await clientError { _ = try await answer.text }
            #expect(error.reason == .connection)
            #expect(error.mayHaveBeenProcessed)
        }
    }

    @Test(
        "answers that are no HTTP",
        arguments: ["garbage\r\n\r\n", "", "HTTP/1.1 200 OK\r\nX: unfinished", "HTTP/1.1 \r\n\r\n", "SSH-2.0-x\r\n"])
    func garbage(_ text: String) async throws {
        let server = RawServer { connection in
            _ = connection.readRequest()
            connection.write(text)
        }
        try await withClient { client, _ in
            let error = try await clientError {
                _ = try await client.send(ClientRequest(.get, server.url(), timeout: .seconds(5)))
            }
            #expect(error.reason == .connection)
            #expect(error.mayHaveBeenProcessed)
        }
    }

    @Test("a header that is too large, in many lines, in one line, or in endless interim answers", arguments: 0..<4)
    func headerTooLarge(_ kind: Int) async throws {
        let server = RawServer { connection in
            _ = connection.readRequest()
            let text =
                switch kind {
                case 0: "HTTP/1.1 200 OK\r\n" + String(repeating: "X-Y: aaaaaaaaaaaaaaaaaaaaaaaaa\r\n", count: 3000)
                case 1: "HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 70_000) + "\r\n"
                case 2: "HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 1_000_000) + "\r\n"
                default: String(repeating: "HTTP/1.1 102 Processing\r\nX: aaaaaaaaaaaaa\r\n\r\n", count: 3000)
                }
            connection.write(text + "\r\n")
            connection.readToEnd()
        }
        try await withClient { client, _ in
            let error = try await clientError { _ = try await client.send(ClientRequest(.get, server.url())) }
            #expect(error.reason == .tooLarge)
            #expect(error.mayHaveBeenProcessed)
        }
    }

    @Test("a cancelled task gives up its request, before and after it was sent")
    func cancel() async throws {
        let gone = Semaphore()
        let arrived = Atomic<Int>(0)
        let server = RawServer { connection in
            _ = connection.readRequest()
            arrived.add(1, ordering: .relaxed)
            connection.readToEnd()
            gone.signal()
        }
        try await withClient { client, _ in
            let task = Task { try await client.send(ClientRequest(.get, server.url())) }
            try await becomesTrue { arrived.load(ordering: .relaxed) == 1 }
            task.cancel()
            await #expect(throws: CancellationError.self) { _ = try await task.value }
            let early = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await client.send(ClientRequest(.get, server.url()))
            }
            await #expect(throws: CancellationError.self) { _ = try await early.value }
            try await becomesTrue { await client.requestCount == 0 }
            await gone.signalled()
        }
        #expect(server.connectionCount == 1)
    }

    @Test("shutting down ends what is under way")
    func shutDown() async throws {
        let arrived = Atomic<Int>(0)
        let server = RawServer { connection in
            _ = connection.readRequest()
            arrived.add(1, ordering: .relaxed)
            connection.readToEnd()
        }
        try await withClient { client, _ in
            let task = Task { try await client.send(ClientRequest(.get, server.url())) }
            try await becomesTrue { arrived.load(ordering: .relaxed) == 1 }
            await client.shutDown()
            let error = try await clientError { _ = try await task.value }
            #expect(error.reason == .connection)
            #expect(error.mayHaveBeenProcessed)
            let late = try await clientError { _ = try await client.send(ClientRequest(.get, server.url())) }
            #expect(!late.mayHaveBeenProcessed)
        }
    }

    private func connectingSocket(to port: UInt16) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = connect(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return descriptor
    }
}
