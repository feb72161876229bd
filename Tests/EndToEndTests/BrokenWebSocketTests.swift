import PluginAPI
import Testing

@Suite("WebSocket clients that break the rules")
struct BrokenWebSocketTests {
    /// Frames that RFC 6455 forbids, and the code that closes the connection.
    private static let cases: [(name: String, bytes: [UInt8], codes: [Int?])] = [
        ("an unmasked frame", WebSocketFrame.bytes(opcode: 1, Array("{}".utf8), masked: false), [1002]),
        ("a reserved bit", WebSocketFrame.bytes(opcode: 1, Array("{}".utf8), reserved: 4), [1002]),
        ("a reserved opcode", WebSocketFrame.bytes(opcode: 3, []), [1002]),
        ("a ping of 126 bytes", WebSocketFrame.bytes(opcode: 9, [UInt8](repeating: 1, count: 126)), [1002]),
        ("a ping in pieces", WebSocketFrame.bytes(opcode: 9, [1], isFinal: false), [1002]),
        ("a continuation of nothing", WebSocketFrame.bytes(opcode: 0, [1, 2]), [1002]),
        ("text that is no UTF-8", WebSocketFrame.bytes(opcode: 1, [0xC3, 0x28]), [1007]),
        ("a close with one byte", WebSocketFrame.bytes(opcode: 8, [3]), [1002, 1005]),
        ("a close with a forbidden code", WebSocketFrame.bytes(opcode: 8, [0x03, 0xED]), [1002]),
        (
            "a close with a reason that is no UTF-8", WebSocketFrame.bytes(opcode: 8, [0x03, 0xE8, 0xC3, 0x28]),
            [1002, 1007]
        ),
        ("a length with its highest bit set", [0x82, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], [1002, 1009]),
        ("a message of 5 MiB", WebSocketFrame.bytes(opcode: 2, [UInt8](repeating: 7, count: 5 << 20)), [1009]),
    ]

    @Test("each broken frame closes the connection with its code, and a well-behaved client beside it notices nothing")
    func frames() async throws {
        try await withDaemon("plugins: { simulator: {} }") { daemon in
            let port = daemon.port
            let codes = try await concurrently(Array(Self.cases.indices)) { number in
                try await onThread {
                    let socket = try WebSocketProbe(port: port, target: "/ws?clientId=bad-\(number)")
                    do {
                        try socket.write(Self.cases[number].bytes)
                    } catch ProbeError.closed {}
                    return try socket.closing()
                }
            }
            for (test, code) in zip(Self.cases, codes) {
                #expect(test.codes.contains(code), "\(test.name): \(code.map(String.init) ?? "no code")")
            }
            try #require(daemon.isRunning, "the daemon died\n\(daemon.tail)")
            try await checkGood(port)
            let descriptors = ProcessFacts.openDescriptors(of: daemon.pid)
            for test in Self.cases where test.bytes.count < 1000 {
                _ = try await onThread {
                    let socket = try WebSocketProbe(port: port, target: "/ws")
                    try socket.write(test.bytes)
                }
            }
            try await eventually("descriptors of vanished clients are closed") {
                ProcessFacts.openDescriptors(of: daemon.pid) <= descriptors + 1
            }
        }
    }

    @Test("broken handshakes are refused without an upgrade")
    func handshakes() async throws {
        try await withDaemon("plugins: { simulator: {} }") { daemon async throws in
            let fields = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")]
            #expect(try await daemon.probe.get("/ws").status / 100 == 4)
            #expect(try await daemon.probe.get("/ws", fields).status == 400, "no key")
            #expect(try await daemon.probe.get("/ws", fields + [("Sec-WebSocket-Key", "short")]).status == 400)
            let old =
                fields.dropLast() + [
                    ("Sec-WebSocket-Version", "99"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
                ]
            #expect(try await daemon.probe.get("/ws", Array(old)).status / 100 == 4)
            #expect(try await daemon.probe.get("/health/live").status == 200)
        }
    }

    private func checkGood(_ port: UInt16) async throws {
        try await onThread {
            let socket = try WebSocketProbe(port: port, target: "/ws?clientId=good")
            let first = try #require(try socket.frame())
            #expect(first.opcode == 1)
            #expect(try JSON(parsing: first.payload)["data"]?["sid"] == "good")
            try socket.write(WebSocketFrame.bytes(opcode: 9, Array("are you there".utf8)))
            let pong = try #require(try socket.frame())
            #expect(pong == WebSocketFrame(opcode: 10, payload: Array("are you there".utf8)))
            try socket.write(WebSocketFrame.bytes(opcode: 8, [0x03, 0xE8]))
            #expect(try socket.closing() == 1000)
        }
    }
}
