import Glibc
import Host
import PluginAPI
import Testing

@Suite("HTTP server: streaming")
struct HTTPStreamingTests {
    @Test("a large upload arrives whole, with known length and chunked", arguments: [true, false])
    func upload(isChunked: Bool) async throws {
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try await withServer { request in
            #expect(request.body.length == (isChunked ? nil : bytes.count))
            var sum = 0
            var count = 0
            do {
                for try await piece in request.body {
                    count += piece.count
                    for byte in piece { sum &+= Int(byte) }
                }
            } catch {
                return text("failed: \(error)")
            }
            return text("\(count) \(sum)")
        } _: { _, port in
            let expected = "\(bytes.count) \(bytes.reduce(0) { $0 + Int($1) })"
            let client = try RawClient(port: port)
            for _ in 0..<2 {
                if isChunked {
                    try await client.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
                    for start in stride(from: 0, to: bytes.count, by: 100_000) {
                        let piece = bytes[start..<min(start + 100_000, bytes.count)]
                        try await client.send(
                            Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8))
                    }
                    try await client.send("0\r\nTrailer: x\r\n\r\n")
                } else {
                    try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: \(bytes.count)\r\n\r\n")
                    try await client.send(bytes)
                }
                #expect(try await client.readAnswer().text == expected)
            }
        }
    }

    @Test("an upload whose handler does not read is stopped after one buffer")
    func uploadBackPressure() async throws {
        let mayRead = MutexBox(false)
        try await withServer { request in
            var iterator = request.body.makeAsyncIterator()
            var count = (try? await iterator.next())?.count ?? 0
            while !mayRead.current { try? await Task.sleep(for: .milliseconds(5)) }
            while let piece = try? await iterator.next() { count += piece.count }
            return text("\(count)")
        } _: { _, port in
            let client = try RawClient(port: port)
            let size = 64 << 20
            let sent = MutexBox(0)
            let sender = Task {
                try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: \(size)\r\n\r\n")
                let piece = [UInt8](repeating: 1, count: 1 << 20)
                for _ in 0..<64 {
                    try await client.send(piece)
                    sent.update { $0 += piece.count }
                }
            }
            // The kernel's buffers fill; then nothing moves any more.
            var last = -1
            while last != sent.current {
                last = sent.current
                try await Task.sleep(for: .milliseconds(150))
            }
            #expect(sent.current < size)
            mayRead.put(true)
            try await sender.value
            #expect(try await client.readAnswer().text == "\(size)")
        }
    }

    @Test("a truncated upload cancels the handler and its reading")
    func truncatedUpload() async throws {
        let outcome = MutexBox<[String]>([])
        try await withServer { request in
            do {
                for try await _ in request.body {}
                outcome.update { $0.append("complete") }
            } catch {
                outcome.update { $0.append(error is CancellationError ? "cancelled" : "\(error)") }
            }
            return text("")
        } _: { server, port in
            for size in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
                let client = try RawClient(port: port)
                try await client.send("POST / HTTP/1.1\r\nHost: t\r\n\(size)\r\n\r\nffff\r\nabc")
                #expect(await eventually { server.counters.requestsInFlight == 1 })
                client.shutDown()
                #expect(await eventually { server.counters.requestsInFlight == 0 })
            }
            #expect(outcome.current == ["cancelled", "cancelled"])
        }
    }

    @Test("a chunked upload above the limit gives 413, and the reader learns it")
    func tooLarge() async throws {
        var limits = HTTPLimits()
        limits.body = 200_000
        let thrown = MutexBox("")
        try await withServer(limits: limits) { request in
            do {
                _ = try await request.body.collect(upTo: 1 << 30)
                return text("unexpected")
            } catch let error as HTTPError {
                thrown.put(error.code)
                return .response(Response(status: error.status))
            } catch {
                return text("unexpected")
            }
        } _: { _, port in
            let client = try RawClient(port: port)
            try await client.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<30 {
                try await client.send("2710\r\n\(String(repeating: "x", count: 10_000))\r\n")
            }
            try await client.send("0\r\n\r\n")
            #expect(try await client.readAnswer().status == 413)
            #expect(thrown.current == "http.body_too_large")
        }
    }

    @Test("a handler that answers in the middle of a large upload is heard")
    func earlyAnswer() async throws {
        try await withServer { request in
            var iterator = request.body.makeAsyncIterator()
            _ = try? await iterator.next()
            return .response(Response(status: 409))
        } _: { _, port in
            let client = try RawClient(port: port)
            let size = 4 << 20
            try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: \(size)\r\n\r\n")
            try await client.send([UInt8](repeating: 1, count: size))
            #expect(try await client.readAnswer().status == 409)
        }
    }

    @Test("a streamed answer arrives whole, with known length and chunked", arguments: [true, false])
    func streamedAnswer(isChunked: Bool) async throws {
        let piece = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        try await withServer { _ in
            .response(
                Response(
                    body: .stream(length: isChunked ? nil : piece.count * 20 + 3) { writer in
                        for _ in 0..<20 { try await writer.write(piece) }
                        try await writer.write([])
                        try await Task.sleep(for: .milliseconds(20))
                        try await writer.write([1, 2, 3])
                    }))
        } _: { _, port in
            let client = try RawClient(port: port)
            for _ in 0..<2 {
                let answer = try await client.get("/")
                #expect((answer["transfer-encoding"] == "chunked") == isChunked)
                #expect(answer.body.count == piece.count * 20 + 3)
                #expect(Array(answer.body.prefix(piece.count)) == piece)
                #expect(Array(answer.body.suffix(3)) == [1, 2, 3])
            }
        }
    }

    @Test("what is written is sent at once, also when little")
    func serverSentEvents() async throws {
        let goOn = MutexBox(false)
        try await withServer { _ in
            .response(
                .events { writer in
                    try await writer.write(Array("data: 1\n\n".utf8))
                    while !goOn.current { try await Task.sleep(for: .milliseconds(5)) }
                    try await writer.write(Array("data: 2\n\n".utf8))
                })
        } _: { _, port in
            let client = try RawClient(port: port)
            try await client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(try await client.readHead()["content-type"] == "text/event-stream")
            #expect(String(decoding: try await client.read(exactly: 14), as: UTF8.self) == "9\r\ndata: 1\n\n\r\n")
            goOn.put(true)
            #expect(String(decoding: try await client.read(exactly: 14), as: UTF8.self) == "9\r\ndata: 2\n\n\r\n")
            #expect(String(decoding: try await client.read(exactly: 5), as: UTF8.self) == "0\r\n\r\n")
        }
    }

    @Test("a writer waits while the client does not read, and is cancelled when it leaves")
    func answerBackPressure() async throws {
        let written = MutexBox(0)
        let outcome = MutexBox("")
        try await withServer { _ in
            .response(
                Response(
                    body: .stream(length: nil) { writer in
                        let piece = [UInt8](repeating: 7, count: 64 << 10)
                        do {
                            while written.current < 1 << 30 {
                                try await writer.write(piece)
                                written.update { $0 += piece.count }
                            }
                        } catch {
                            outcome.put(error is CancellationError ? "cancelled" : "\(error)")
                            throw error
                        }
                    }))
        } _: { server, port in
            let client = try RawClient(port: port, receiveBuffer: 16 << 10)
            try await client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(try await client.readHead().status == 200)
            var last = -1
            while last != written.current {
                last = written.current
                try await Task.sleep(for: .milliseconds(200))
            }
            // Our buffer and the kernel's; nothing like the whole.
            #expect(written.current < 32 << 20)
            #expect(outcome.current.isEmpty)
            _ = try await client.read(exactly: 8 << 20)
            #expect(await eventually { written.current > last })
            client.reset()
            #expect(await eventually { outcome.current == "cancelled" })
            #expect(await eventually { server.counters.requestsInFlight == 0 })
        }
    }

    @Test(
        "an answer that fails, or is shorter than announced, never ends cleanly",
        arguments: ["throw", "short", "throw-chunked", "long"], ["1.1", "1.0"])
    func brokenAnswer(kind: String, version: String) async throws {
        try await withServer { _ in
            .response(
                Response(
                    body: .stream(length: kind == "throw-chunked" ? nil : 100) { writer in
                        try await writer.write([UInt8](repeating: 65, count: kind == "long" ? 99 : 10))
                        try await Task.sleep(for: .milliseconds(10))
                        if kind == "long" { try await writer.write([1, 2, 3]) }
                        if kind.hasPrefix("throw") { throw HTTPError.notFound }
                    }))
        } _: { _, port in
            let client = try RawClient(port: port)
            try await client.send("GET / HTTP/\(version)\r\nHost: t\r\n\r\n")
            let head = try await client.readHead()
            #expect(head.status == 200)
            do {
                let rest = try await client.readToEnd()
                if kind == "throw-chunked" {
                    #expect(version == "1.1", "an HTTP/1.0 client must see a reset")
                    #expect(!String(decoding: rest, as: UTF8.self).contains("0\r\n\r\n"))
                } else {
                    #expect(head["content-length"] == "100")
                    #expect(rest.count < 100)
                }
            } catch is RawClient.Failure {
                // A reset is as clear.
            }
        }
    }

    @Test(
        "a writer that waits for something to write is cancelled soon after its client left",
        arguments: [true, false])
    func silentStream(isReset: Bool) async throws {
        let outcome = MutexBox("")
        try await withServer { _ in
            .response(
                .events { writer in
                    try await writer.send(ServerSentEvent("1"))
                    do {
                        try await Task.sleep(for: .seconds(3600))
                    } catch {
                        outcome.put("cancelled")
                        throw error
                    }
                })
        } _: { server, port in
            let client = try RawClient(port: port)
            try await client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            _ = try await client.readHead()
            _ = try await client.read(exactly: 14)
            if isReset { client.reset() } else { client.shutDown() }
            #expect(await eventually { outcome.current == "cancelled" })
            #expect(await eventually { server.counters.requestsInFlight == 0 && server.openConnections == 0 })
        }
    }

    @Test("a handler is cancelled when its client disconnects")
    func cancelledHandler() async throws {
        let outcome = MutexBox("")
        try await withServer { _ in
            do {
                try await Task.sleep(for: .seconds(60))
            } catch {
                outcome.put("cancelled")
            }
            return text("")
        } _: { server, port in
            let client = try RawClient(port: port)
            try await client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(await eventually { server.counters.requestsInFlight == 1 })
            client.shutDown()
            #expect(await eventually { outcome.current == "cancelled" })
            #expect(await eventually { server.counters.requestsInFlight == 0 && server.openConnections == 0 })
        }
    }
}
