import Host
import PluginAPI
import Synchronization
import Testing

@Suite("the HTTP client streams bodies with back-pressure")
struct ClientStreamingTests {
    @Test("interim answers are skipped")
    func interim() async throws {
        let server = RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 100 Continue\r\nX-A: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
            connection.answer("ok", headers: "X-B: 2\r\n")
        }
        try await withClient { client, _ in
            let answer = try await client.send(ClientRequest(.get, server.url()))
            #expect(answer.status == 200)
            #expect(!answer.headers.contains("x-a") && !answer.headers.contains("link"))
            #expect(try await answer.text == "ok")
        }
    }

    @Test("answers that have no body leave the connection usable")
    func noBody() async throws {
        let server = RawServer { connection in
            while let request = connection.readRequest() {
                if request.line.hasPrefix("HEAD") {
                    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                } else {
                    connection.write(
                        "HTTP/1.1 \(request.line.contains("204") ? "204 None" : "304 Same")\r\nETag: x\r\n\r\n")
                }
            }
        }
        try await withClient { client, _ in
            let head = try await client.send(ClientRequest(.head, server.url()))
            #expect(head.headers["content-length"] == "1000")
            #expect(try await head.text == "")
            for status in [204, 304] as [Status] {
                let answer = try await client.send(ClientRequest(.get, server.url("/\(status)")))
                #expect(answer.status == status)
                #expect(try await answer.text == "")
            }
        }
        #expect(server.connectionCount == 1)
    }

    @Test("a redirect is an answer like any other")
    func redirect() async throws {
        let server = RawServer { connection in
            while connection.readRequest() != nil {
                connection.answer(status: "302 Found", headers: "Location: /x\r\n")
            }
        }
        try await withClient { client, _ in
            let answer = try await client.send(ClientRequest(.get, server.url()))
            #expect(answer.status == 302)
            #expect(answer.headers["location"] == "/x")
        }
    }

    @Test("bodies end with the connection, with the last chunk, or after their length")
    func framings() async throws {
        let server = RawServer { connection in
            guard let request = connection.readRequest() else { return }
            switch request.line {
            case "GET /close HTTP/1.1": connection.write("HTTP/1.1 200 OK\r\n\r\nuntil the end")
            case "GET /chunked HTTP/1.1":
                connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nuntil\r\n")
                connection.write("8\r\n the end\r\n0\r\nX-Trailer: 1\r\n\r\n")
            default: connection.answer("until the end")
            }
        }
        try await withClient { client, _ in
            for path in ["/close", "/chunked", "/length"] {
                let answer = try await client.send(ClientRequest(.get, server.url(path)))
                #expect(try await answer.text == "until the end")
                #expect(!answer.headers.contains("x-trailer"))
            }
        }
    }

    @Test("the header is here before the body")
    func headFirst() async throws {
        let mayGoOn = Semaphore()
        let server = RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            mayGoOn.wait()
            connection.write("done")
        }
        try await withClient { client, _ in
            let answer = try await client.send(ClientRequest(.get, server.url()))
            #expect(answer.body.length == 4)
            mayGoOn.signal()
            #expect(try await answer.text == "done")
        }
    }

    @Test("a reader that rests makes the peer wait, and then gets every byte")
    func downloadBackPressure() async throws {
        let size = 32 << 20
        let written = Atomic<Int>(0)
        let server = RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
            var block = [UInt8](repeating: 0, count: 1 << 20)
            for index in 0..<(size >> 20) {
                block[0] = UInt8(truncatingIfNeeded: index)
                guard connection.write(block) else { return }
                written.add(1 << 20, ordering: .relaxed)
            }
        }
        try await withClient { client, _ in
            let answer = try await client.send(ClientRequest(.get, server.url(), idleTimeout: .seconds(1)))
            #expect(answer.body.length == size)
            // Longer than the idle timeout, which counts the peer's silence and not ours.
            try await Task.sleep(for: .milliseconds(1500))
            #expect(written.load(ordering: .relaxed) < 16 << 20)
            var count = 0
            var isRight = true
            for try await piece in answer.body {
                #expect(piece.count <= 256 << 10)
                // Each block of 1 MiB begins with its number.
                let next = (count + (1 << 20) - 1) >> 20
                let offset = (next << 20) - count
                if offset < piece.count { isRight = isRight && piece[offset] == UInt8(truncatingIfNeeded: next) }
                count += piece.count
            }
            #expect(count == size && isRight)
        }
    }

    @Test(
        "a server that does not read makes the source of the body wait, and then gets every byte",
        arguments: [true, false])
    func uploadBackPressure(hasLength: Bool) async throws {
        let mayRead = Semaphore()
        let size = 16 << 20
        let server = RawServer { connection in
            guard let head = connection.readHead() else { return }
            mayRead.wait()
            var sum = 0
            if hasLength {
                let body = connection.read(size) ?? []
                sum = total(body)
            } else {
                while let line = connection.readLine(), let count = Int(line, radix: 16), count > 0 {
                    let body = connection.read(count) ?? []
                    sum += total(body)
                    _ = connection.readLine()
                }
                _ = connection.readLine()
            }
            connection.answer("\(sum) \(head.header("content-length") ?? "chunked")")
        }
        let pulled = Atomic<Int>(0)
        try await withClient { client, _ in
            let body = HTTPBody(length: hasLength ? size : nil) {
                let index = pulled.add(1, ordering: .relaxed).oldValue
                return index < 256 ? [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: 64 << 10) : nil
            }
            async let pending = client.send(ClientRequest(.post, server.url(), body: body))
            try await Task.sleep(for: .milliseconds(300))
            #expect(pulled.load(ordering: .relaxed) < 200)
            mayRead.signal()
            let answer = try await pending
            let sum = (0..<256).reduce(0) { $0 + $1 * (64 << 10) } + size
            #expect(try await answer.text == "\(sum) \(hasLength ? "\(size)" : "chunked")")
        }
    }

    @Test("an answer that comes before the upload ends is given at once")
    func earlyAnswer() async throws {
        let server = RawServer { connection in
            _ = connection.readHead()
            connection.answer("too large", status: "413 Content Too Large", headers: "Connection: close\r\n")
        }
        try await withClient { client, _ in
            let body = HTTPBody(length: 1 << 30) {
                try await Task.sleep(for: .milliseconds(1))
                return [UInt8](repeating: 0, count: 1000)
            }
            let answer = try await client.send(ClientRequest(.post, server.url(), body: body))
            #expect(answer.status == 413)
            #expect(try await answer.text == "too large")
            try await becomesTrue { await client.requestCount == 0 }
        }
    }

    struct SourceFailed: Error {}

    @Test("what the source of a body throws is thrown, and the request is broken off", arguments: [10, 1 << 20])
    func sourceFails(length: Int) async throws {
        let began = Semaphore()
        let gone = Semaphore()
        let server = RawServer { connection in
            _ = connection.readHead()
            began.signal()
            connection.readToEnd()
            gone.signal()
        }
        try await withClient { client, _ in
            await #expect(throws: SourceFailed.self) {
                let body = HTTPBody(length: length) {
                    if length > 100 { await began.signalled() }
                    throw SourceFailed()
                }
                _ = try await client.send(ClientRequest(.post, server.url(), body: body))
            }
            if length > 100 { await gone.signalled() }
            try await becomesTrue { await client.requestCount == 0 }
        }
    }

    @Test("a source that gives less or more than it announced breaks the request off", arguments: [99_000, 101_000])
    func wrongLength(length: Int) async throws {
        let server = RawServer { connection in _ = connection.readRequest() }
        let turn = Atomic<Int>(0)
        try await withClient { client, _ in
            let error = try await clientError {
                let body = HTTPBody(length: 100_000) {
                    turn.add(1, ordering: .relaxed).oldValue == 0 ? [UInt8](repeating: 0, count: length) : nil
                }
                _ = try await client.send(ClientRequest(.post, server.url(), body: body))
            }
            #expect(error.reason == .connection)
            #expect(error.message.contains("announced"))
        }
    }

    @Test("a body that is dropped unread closes the connection and leaves nothing behind")
    func droppedBody() async throws {
        let gone = Semaphore()
        let server = RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while connection.write([UInt8](repeating: 0, count: 65536)) {}
            gone.signal()
        }
        try await withClient { client, _ in
            for _ in 0..<10 {
                _ = try await client.send(ClientRequest(.get, server.url()))
                try await becomesTrue { await client.requestCount == 0 }
                await gone.signalled()
            }
        }
    }

    @Test("cancelling the reader of a body gives the transfer up")
    func cancelReading() async throws {
        let server = RawServer { connection in
            _ = connection.readRequest()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            connection.readToEnd()
        }
        try await withClient { client, _ in
            let started = Atomic<Bool>(false)
            let task = Task {
                let answer = try await client.send(ClientRequest(.get, server.url()))
                for try await _ in answer.body { started.store(true, ordering: .relaxed) }
            }
            try await becomesTrue { started.load(ordering: .relaxed) }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await becomesTrue { await client.requestCount == 0 }
        }
    }

    /// The bytes' sum and count, without the cost of a closure for each byte.
    private func total(_ bytes: [UInt8]) -> Int {
        bytes.withUnsafeBytes { bytes in
            var sum = bytes.count
            for byte in bytes { sum += Int(byte) }
            return sum
        }
    }
}
