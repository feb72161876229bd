import Host
import PluginAPI
import Testing

@Suite("WebSocket server")
struct WebSocketServerTests {
    /// Sends back what comes.
    private static func echo(_ acceptance: WebSocketAcceptance = WebSocketAcceptance()) -> ServerReply {
        .upgrade(acceptance) { socket in
            do {
                while let message = try await socket.receive() { try await socket.send(message) }
            } catch {}
        }
    }

    @Test("messages of all sizes come back, text and binary", arguments: [0, 1, 125, 126, 65535, 65536, 3_000_000])
    func echoes(size: Int) async throws {
        try await withServer { _ in
            Self.echo()
        } _: { server, port in
            let socket = try await RawWebSocket(port: port)
            for opcode: UInt8 in [1, 2] {
                let payload = (0..<size).map { opcode == 1 ? UInt8(97 + $0 % 26) : UInt8(truncatingIfNeeded: $0) }
                try await socket.send(opcode, payload)
                #expect(try await socket.receive() == RawWebSocket.Frame(opcode: opcode, payload: payload))
            }
            #expect(server.counters.openWebSockets == 1)
            try await socket.close(1000)
            #expect(try await socket.receive().code == 1000)
            #expect(try await socket.client.readToEnd().isEmpty)
            #expect(await eventually { server.openConnections == 0 && server.counters.openWebSockets == 0 })
        }
    }

    @Test("fragments become one message, with control frames between them")
    func fragments() async throws {
        try await withServer { _ in
            Self.echo()
        } _: { _, port in
            let socket = try await RawWebSocket(port: port)
            try await socket.send(1, Array("hé".utf8.prefix(2)), isFinal: false)
            try await socket.send(9, [1, 2])
            try await socket.send(0, Array("hé".utf8.dropFirst(2)), isFinal: false)
            try await socket.send(0, Array("llo".utf8))
            #expect(try await socket.receive() == RawWebSocket.Frame(opcode: 10, payload: [1, 2]))
            #expect(try await socket.receive() == RawWebSocket.Frame(opcode: 1, payload: Array("héllo".utf8)))
        }
    }

    @Test("frames that arrive with the request, and byte by byte, are understood")
    func oddArrival() async throws {
        try await withServer { _ in
            Self.echo()
        } _: { _, port in
            let client = try RawClient(port: port)
            try await client.send(Array(RawWebSocket.request().utf8) + RawWebSocket.bytes(1, Array("early".utf8)))
            #expect(try await client.readHead().status == 101)
            #expect(try await client.read(exactly: 7) == [0x81, 5] + Array("early".utf8))
            for byte in RawWebSocket.bytes(2, [1, 2, 3]) { try await client.send([byte]) }
            #expect(try await client.read(exactly: 5) == [0x82, 3, 1, 2, 3])
        }
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let code: Int
        var testDescription: String { name }
    }

    static let broken: [Broken] = [
        Broken(name: "unmasked", bytes: RawWebSocket.bytes(1, [97], isMasked: false), code: 1002),
        Broken(name: "reserved bit", bytes: RawWebSocket.bytes(1, [97], reserved: 4), code: 1002),
        Broken(name: "unknown opcode", bytes: RawWebSocket.bytes(3, [97]), code: 1002),
        Broken(name: "continuation of nothing", bytes: RawWebSocket.bytes(0, [97]), code: 1002),
        Broken(
            name: "text within text",
            bytes: RawWebSocket.bytes(1, [97], isFinal: false) + RawWebSocket.bytes(1, [97]), code: 1002),
        Broken(name: "fragmented ping", bytes: RawWebSocket.bytes(9, [1], isFinal: false), code: 1002),
        Broken(name: "long ping", bytes: RawWebSocket.bytes(9, [UInt8](repeating: 1, count: 126)), code: 1002),
        Broken(name: "invalid UTF-8", bytes: RawWebSocket.bytes(1, [0xC3, 0x28]), code: 1007),
        Broken(name: "truncated UTF-8", bytes: RawWebSocket.bytes(1, [0xE2, 0x82]), code: 1007),
        Broken(name: "surrogate", bytes: RawWebSocket.bytes(1, [0xED, 0xA0, 0x80]), code: 1007),
        Broken(name: "too large", bytes: RawWebSocket.bytes(2, [UInt8](repeating: 1, count: 1001)), code: 1009),
        Broken(
            name: "too large in fragments",
            bytes: RawWebSocket.bytes(2, [UInt8](repeating: 1, count: 600), isFinal: false)
                + RawWebSocket.bytes(0, [UInt8](repeating: 1, count: 600)), code: 1009),
        Broken(name: "close with a code that must not be sent", bytes: RawWebSocket.bytes(8, [3, 0xED]), code: 1002),
    ]

    @Test("frames that break the protocol are answered with a close frame, and the reader learns it", arguments: broken)
    func violations(_ testCase: Broken) async throws {
        let thrown = MutexBox("")
        try await withServer { _ in
            .upgrade(WebSocketAcceptance(maximumMessageSize: 1000)) { socket in
                do {
                    while try await socket.receive() != nil {}
                    thrown.put("nil")
                } catch {
                    thrown.put("\(error)")
                }
            }
        } _: { server, port in
            let socket = try await RawWebSocket(port: port)
            try await socket.client.send(testCase.bytes)
            let frame = try await socket.receive()
            #expect(frame.opcode == 8)
            #expect(frame.code == testCase.code)
            #expect(await eventually { thrown.current.contains("\(testCase.code)") })
            socket.client.shutDown()
            #expect(await eventually { server.counters.openWebSockets == 0 })
        }
    }

    @Test("the end of the closure closes with 1000, after what was sent")
    func closing() async throws {
        try await withServer { _ in
            .upgrade(WebSocketAcceptance()) { socket in
                for number in 0..<3 { try? await socket.send(.text("\(number)")) }
            }
        } _: { server, port in
            let socket = try await RawWebSocket(port: port)
            for number in 0..<3 {
                #expect(try await socket.receive().payload == Array("\(number)".utf8))
            }
            #expect(try await socket.receive().code == 1000)
            try await socket.close(1000)
            #expect(try await socket.client.readToEnd().isEmpty)
            #expect(await eventually { server.openConnections == 0 })
        }
    }

    @Test("sending and receiving on a closed socket say so")
    func afterClose() async throws {
        let outcome = MutexBox<[String]>([])
        try await withServer { _ in
            .upgrade(WebSocketAcceptance()) { socket in
                await socket.close(code: 4001, reason: String(repeating: "é", count: 100))
                await socket.close(code: 4002, reason: "")
                do {
                    try await socket.send(.text("x"))
                } catch {
                    outcome.update { $0.append("\(error)") }
                }
                let end = try? await socket.receive()
                outcome.update { $0.append(end == .some(nil) ? "nil" : "unexpected") }
            }
        } _: { _, port in
            let socket = try await RawWebSocket(port: port)
            let frame = try await socket.receive()
            #expect(frame.code == 4001)
            #expect(frame.payload.count == 2 + 122)
            try await socket.close(4001)
            #expect(await eventually { outcome.current.count == 2 })
            #expect(outcome.current == ["the WebSocket is closed", "nil"])
        }
    }

    @Test("a peer that vanishes makes the reader throw, and cancels the closure")
    func disconnect() async throws {
        let outcome = MutexBox<[String]>([])
        try await withServer { _ in
            .upgrade(WebSocketAcceptance()) { socket in
                do {
                    while try await socket.receive() != nil {}
                } catch {
                    outcome.update { $0.append("\(error)") }
                }
                while !Task.isCancelled { await Task.yield() }
                outcome.update { $0.append("cancelled") }
            }
        } _: { server, port in
            let socket = try await RawWebSocket(port: port)
            socket.client.shutDown()
            #expect(await eventually { outcome.current.count == 2 })
            #expect(outcome.current == ["the WebSocket broke without a close frame", "cancelled"])
            #expect(await eventually { server.openConnections == 0 })
        }
    }

    @Test("a reader that lags stops the peer; nothing is lost")
    func slowReader() async throws {
        let mayRead = MutexBox(false)
        let count = 3000
        let sum = MutexBox(0)
        // This peer answers no pings, and a slow machine is no reason to drop it.
        var limits = HTTPLimits()
        limits.webSocketPing = .seconds(600)
        try await withServer(limits: limits) { _ in
            .upgrade(WebSocketAcceptance()) { socket in
                while !mayRead.current { try? await Task.sleep(for: .milliseconds(5)) }
                while let message = try? await socket.receive() {
                    if case .binary(let bytes) = message { sum.update { $0 += bytes.count } }
                }
            }
        } _: { _, port in
            let socket = try await RawWebSocket(port: port)
            let sent = MutexBox(0)
            let sender = Task {
                let frame = RawWebSocket.bytes(2, [UInt8](repeating: 5, count: 10_000))
                for _ in 0..<count {
                    try await socket.client.send(frame)
                    sent.update { $0 += 1 }
                }
                try await socket.close(1000)
            }
            var last = -1
            while last != sent.current {
                last = sent.current
                try await Task.sleep(for: .milliseconds(200))
            }
            #expect(sent.current < count)
            mayRead.put(true)
            try await sender.value
            #expect(try await socket.receive().code == 1000)
            #expect(await eventually { sum.current == count * 10_000 })
        }
    }

    @Test("a sender waits for a peer that does not read; too much at once closes with 1013")
    func slowPeer() async throws {
        var limits = HTTPLimits()
        limits.webSocketBuffer = 1 << 20
        limits.webSocketPing = .seconds(600)
        let sent = MutexBox(0)
        let buffered = MutexBox(0)
        let outcome = MutexBox("")
        try await withServer(limits: limits) { _ in
            .upgrade(WebSocketAcceptance()) { socket in
                let piece = [UInt8](repeating: 1, count: 50_000)
                let waiting = Task {
                    while true {
                        try await socket.send(.binary(piece))
                        sent.update { $0 += 1 }
                        buffered.put(socket.bufferedBytes)
                    }
                }
                _ = try? await socket.receive()
                do {
                    for _ in 0..<200 {
                        Task { try await socket.send(.binary(piece)) }
                        await Task.yield()
                    }
                    while true { try await socket.send(.binary(piece)) }
                } catch {
                    outcome.put("\(error)")
                }
                waiting.cancel()
            }
        } _: { server, port in
            let socket = try await RawWebSocket(port: port, receiveBuffer: 16 << 10)
            var last = -1
            while last != sent.current {
                last = sent.current
                try await Task.sleep(for: .milliseconds(200))
            }
            #expect(buffered.current <= 200_000)
            try await socket.send(1, [97])
            #expect(await eventually { !outcome.current.isEmpty })
            var frame = try await socket.receive()
            while frame.opcode != 8 { frame = try await socket.receive() }
            #expect(frame.code == 1013)
            socket.client.shutDown()
            #expect(await eventually { server.openConnections == 0 })
        }
    }

    @Test("silent peers are pinged, and dropped when they do not answer")
    func keepAlive() async throws {
        var limits = HTTPLimits()
        limits.webSocketPing = .seconds(3)
        let pings = MutexBox(0)
        try await withServer(limits: limits) { _ in
            Self.echo()
        } _: { server, port in
            let answering = try await RawWebSocket(port: port)
            let silent = try await RawWebSocket(port: port)
            let received = MutexBox<[UInt8]>([])
            // Tasks may have to wait for those of other tests, and this peer must not be late.
            _ = WorkerThread(name: "answering") {
                while case let bytes = answering.client.readNow(), !bytes.isEmpty {
                    received.update { $0 += bytes }
                    if bytes.first == 0x89 {
                        pings.update { $0 += 1 }
                        answering.client.sendNow(RawWebSocket.bytes(10))
                    }
                }
            }
            #expect(try await silent.client.readToEnd().allSatisfy { $0 == 0x89 || $0 == 0 })
            #expect(await eventually { pings.current >= 2 })
            #expect(await eventually { server.counters.openWebSockets == 1 })
            try await answering.send(1, [97])
            #expect(await eventually { received.current.suffix(3) == [0x81, 1, 97] })
            answering.client.shutDown()
        }
    }

    @Test(
        "requests that are no upgrade are refused",
        arguments: [
            ("GET / HTTP/1.1\r\nHost: t\r\n\r\n", 400),
            (RawWebSocket.request().replacing("Upgrade: websocket", with: "Upgrade: h2c"), 400),
            (RawWebSocket.request().replacing("keep-alive, Upgrade", with: "keep-alive"), 400),
            (RawWebSocket.request().replacing("Version: 13", with: "Version: 8"), 426),
            (RawWebSocket.request().replacing("dGhlIHNhbXBsZSBub25jZQ==", with: "short"), 400),
            (RawWebSocket.request().replacing("GET", with: "PUT"), 400),
        ])
    func refusals(request: String, status: Int) async throws {
        try await withServer { _ in
            Self.echo()
        } _: { _, port in
            let client = try RawClient(port: port)
            try await client.send(request)
            let answer = try await client.readAnswer()
            #expect(answer.status == status)
            if status == 426 { #expect(answer["sec-websocket-version"] == "13") }
        }
    }

    @Test("the acceptance's subprotocol and fields are in the answer; extensions are declined")
    func acceptance() async throws {
        try await withServer { _ in
            Self.echo(WebSocketAcceptance(subprotocol: "v2", headers: ["X-Node": "1"]))
        } _: { _, port in
            let client = try RawClient(port: port)
            let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: v1, v2\r\n"
            try await client.send(RawWebSocket.request("/", offer))
            let answer = try await client.readHead()
            #expect(answer.status == 101)
            #expect(answer["sec-websocket-protocol"] == "v2")
            #expect(answer["x-node"] == "1")
            #expect(answer["sec-websocket-extensions"] == nil)
            #expect(answer["x-request-id"] != nil)
        }
    }

    @Test("draining closes WebSockets with 1001")
    func draining() async throws {
        try await withServer { _ in
            Self.echo()
        } _: { server, port in
            let socket = try await RawWebSocket(port: port)
            async let drained: Void = server.drain(timeout: .seconds(10))
            #expect(try await socket.receive().code == 1001)
            try await socket.close(1001)
            await drained
            #expect(server.openConnections == 0)
        }
    }

    @Test("a WebSocket that is opened while the server drains is closed too")
    func openedWhileDraining() async throws {
        let mayAccept = MutexBox(false)
        try await withServer { _ in
            while !mayAccept.current { try? await Task.sleep(for: .milliseconds(5)) }
            return Self.echo()
        } _: { server, port in
            let idle = try RawClient(port: port)
            async let opened = RawWebSocket(port: port)
            #expect(await eventually { server.openConnections == 2 && server.counters.requestsInFlight == 1 })
            async let drained: Void = server.drain(timeout: .seconds(15))
            // Connections without a request are closed after the WebSockets.
            #expect(try await idle.readToEnd().isEmpty)
            mayAccept.put(true)
            let socket = try await opened
            #expect(try await socket.receive().code == 1001)
            try await socket.close(1001)
            await drained
        }
    }
}
