import Glibc
import Host
import PluginAPI
import Testing

@Suite("HTTP server: start, drain, TLS")
struct HTTPLifecycleTests {
    private func server(_ listener: HTTPServerConfiguration.Listener, _ group: EventLoopGroup, _ files: BlockingPool)
        -> HTTPServer
    {
        HTTPServer(
            configuration: HTTPServerConfiguration(listeners: [listener]), group: group,
            responder: ClosureResponder { _ in text("ok") }, logger: Logger(), files: files)
    }

    @Test("an address in use, a bad address and a bad certificate are named in the error")
    func startErrors() async throws {
        let group = EventLoopGroup(count: 1)
        let files = BlockingPool(threads: 1)
        defer {
            group.shutDown()
            files.shutDown()
        }
        // An address of its own: other tests must not come by the port between its two uses.
        let address = "127.71.3.9"
        let first = server(.init(address: address, port: 0), group, files)
        try await first.start()
        let port = try #require(first.boundAddresses.first?.port)
        let inUse = await #expect(throws: ListenError.self) {
            try await server(.init(address: address, port: port), group, files).start()
        }
        #expect(inUse?.description == "listen \(address):\(port): Address already in use")
        let bad = await #expect(throws: ListenError.self) {
            try await server(.init(address: "localhost.example", port: 1), group, files).start()
        }
        #expect(bad?.description.hasPrefix("listen localhost.example:1: not an IP address") == true)
        let missing = await #expect(throws: ListenError.self) {
            try await server(
                .init(address: "127.0.0.1", port: 0, certificate: "/nonexistent.pem", key: "/k"), group, files
            ).start()
        }
        #expect(missing?.description.contains("/nonexistent.pem: No such file") == true)
        let notPEM = await #expect(throws: ListenError.self) {
            try await server(
                .init(address: "127.0.0.1", port: 0, certificate: "/etc/passwd", key: "/etc/passwd"), group, files
            ).start()
        }
        #expect(notPEM?.reason.isEmpty == false)
        await first.drain(timeout: .seconds(1))
        // Its port is free again; a child that another test is just starting may hold on to the socket until its `exec`.
        let isFree = await eventually {
            let again = server(.init(address: address, port: port), group, files)
            guard (try? await again.start()) != nil else { return false }
            await again.drain(timeout: .seconds(1))
            return true
        }
        #expect(isFree)
    }

    @Test("IPv6 is listened on, and an inherited socket goes on with the same port")
    func inheritedSocket() async throws {
        let group = EventLoopGroup(count: 2)
        let files = BlockingPool(threads: 1)
        defer {
            group.shutDown()
            files.shutDown()
        }
        let six = server(.init(address: "::1", port: 0), group, files)
        try await six.start()
        #expect(six.boundAddresses.first?.address == "::1")
        await six.drain(timeout: .seconds(1))

        let old = server(.init(address: "127.0.0.1", port: 0), group, files)
        try await old.start()
        let port = try #require(old.boundAddresses.first?.port)
        let handed = dup(try #require(old.listeningSockets.first))
        let new = server(.init(address: "", port: 0, inheritedSocket: handed), group, files)
        try await new.start()
        #expect(new.boundAddresses.first?.port == port)
        await old.drain(timeout: .seconds(2))
        for _ in 0..<5 { #expect(try await RawClient(port: port).get("/").text == "ok") }
        await new.drain(timeout: .seconds(2))
    }

    @Test("draining finishes requests in flight, ends keep-alive and refuses new connections")
    func drain() async throws {
        let mayAnswer = MutexBox(false)
        // An address of its own: the port may be another test's as soon as it is free.
        let address = "127.71.3.10"
        try await withServer(address: address) { request in
            if request.path == "/slow" {
                while !mayAnswer.current { try? await Task.sleep(for: .milliseconds(5)) }
            }
            return text("done")
        } _: { server, port in
            let idle = try RawClient(port: port, address: address)
            #expect(try await idle.get("/").text == "done")
            let busy = try RawClient(port: port, address: address)
            try await busy.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
            // The first request may end a little after its answer has come.
            #expect(await eventually { server.counters.requests == 2 && server.counters.requestsInFlight == 1 })
            async let drained: Void = server.drain(timeout: .seconds(20))
            #expect(try await idle.readToEnd().isEmpty)
            mayAnswer.put(true)
            let answer = try await busy.readAnswer()
            #expect(answer.text == "done")
            #expect(answer["connection"] == "close")
            #expect(try await busy.readToEnd().isEmpty)
            await drained
            #expect(throws: RawClient.Failure.self) { try RawClient(port: port, address: address) }
            #expect(server.openConnections == 0)
        }
    }

    @Test("whoever had connected before the drain is answered, accepted or not")
    func drainWithQueue() async throws {
        let group = EventLoopGroup(count: 1)
        let files = BlockingPool(threads: 1)
        defer {
            group.shutDown()
            files.shutDown()
        }
        let server = server(.init(address: "127.0.0.1", port: 0), group, files)
        try await server.start()
        let port = try #require(server.boundAddresses.first?.port)
        #expect(try await RawClient(port: port).get("/").text == "ok")
        let loop = try #require(group.loops.first)
        let (clients, drained) = await withCheckedContinuation { done in
            loop.execute {
                // As long as the loop is here it accepts nobody, and the drain comes before its next look at the socket.
                let clients = (0..<30).compactMap { _ in try? RawClient(port: port) }
                for client in clients { client.sendNow(Array("GET / HTTP/1.1\r\nHost: t\r\n\r\n".utf8)) }
                let drained = Task(executorPreference: loop) { await server.drain(timeout: .seconds(10)) }
                done.resume(returning: (clients, drained))
            }
        }
        #expect(clients.count == 30)
        for client in clients { #expect(try await client.readAnswer()["connection"] == "close") }
        await drained.value
    }

    @Test("draining gives up on a handler that does not end")
    func drainTimeout() async throws {
        try await withServer { _ in
            while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(5)) }
            return text("late")
        } _: { server, port in
            let client = try RawClient(port: port)
            try await client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(await eventually { server.counters.requestsInFlight == 1 })
            await server.drain(timeout: .milliseconds(100))
            #expect(((try? await client.readToEnd()) ?? []).isEmpty)
            #expect(await eventually { server.counters.requestsInFlight == 0 })
        }
    }

    @Test("TLS works, and new certificates are used by new connections only")
    func tls() async throws {
        try await withTemporaryDirectory { directory in
            let certificate = "\(directory)/c.pem"
            let key = "\(directory)/k.pem"
            func make(_ name: String) async throws -> Int32 {
                try await shell(
                    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=\(name)"
                        + " -keyout \(key) -out \(certificate) >/dev/null 2>&1")
            }
            #expect(try await make("first.test") == 0)
            let large = [UInt8](repeating: 9, count: 2_000_000)
            try await withServer(tls: (certificate, key)) { request in
                request.path == "/large" ? .response(Response(body: .bytes(large))) : text(request.scheme)
            } _: { server, port in
                func curl(_ arguments: String) async throws -> String {
                    try await RawClient.threads.run { run("curl -sk \(arguments)") }
                }
                let url = "https://127.0.0.1:\(port)"
                #expect(try await curl("\(url)/") == "https")
                #expect(try await curl("\(url)/large | wc -c").hasPrefix("2000000"))
                #expect(try await curl("-v \(url)/ 2>&1 | grep subject:").contains("first.test"))
                let bytes = "head -c 300000 /dev/zero | curl -sk -X POST --data-binary @- \(url)/"
                #expect(try await RawClient.threads.run { run(bytes) } == "https")
                #expect(try await make("second.test") == 0)
                try await server.reloadCertificates()
                #expect(try await curl("-v \(url)/ 2>&1 | grep subject:").contains("second.test"))
                #expect(system("echo broken > \(certificate)") == 0)
                await #expect(throws: ListenError.self) { try await server.reloadCertificates() }
                #expect(try await curl("-v \(url)/ 2>&1 | grep subject:").contains("second.test"))
            }
        }
    }
}

extension HTTPLifecycleTests {
    @Test("a WebSocket works over TLS, large messages too")
    func secureWebSocket() async throws {
        try await withTemporaryDirectory { directory in
            let make =
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x"
                + " -keyout \(directory)/k.pem -out \(directory)/c.pem >/dev/null 2>&1"
            #expect(try await shell(make) == 0)
            try await withServer(tls: ("\(directory)/c.pem", "\(directory)/k.pem")) { _ in
                .upgrade(WebSocketAcceptance()) { socket in
                    while let message = try? await socket.receive(), message != .binary([1]) {
                        try? await socket.send(message)
                    }
                    await socket.close(code: 1000, reason: "")
                }
            } _: { server, port in
                let payload = [UInt8](repeating: UInt8(ascii: "~"), count: 1_000_000)
                let sent =
                    Array(RawWebSocket.request().utf8) + RawWebSocket.bytes(1, payload)
                    + RawWebSocket.bytes(2, [1])
                let file = try #require(fopen("\(directory)/input", "w"))
                #expect(fwrite(sent, 1, sent.count, file) == sent.count)
                fclose(file)
                let client =
                    "openssl s_client -quiet -connect 127.0.0.1:\(port) <\(directory)/input 2>/dev/null | tr -cd '~' | wc -c"
                #expect(try await RawClient.threads.run { run(client) } == "1000000\n")
                #expect(await eventually { server.openConnections == 0 })
            }
        }
    }
}

/// Runs a shell command on a thread of its own and returns its status.
private func shell(_ command: String) async throws -> Int32 {
    try await RawClient.threads.run { system(command) }
}

/// Runs a shell command and returns what it prints.
private func run(_ command: String) -> String {
    guard let pipe = popen(command, "r") else { return "" }
    defer { pclose(pipe) }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = fread(&buffer, 1, buffer.count, pipe)
        if count == 0 { return String(decoding: output, as: UTF8.self) }
        output += buffer.prefix(count)
    }
}
