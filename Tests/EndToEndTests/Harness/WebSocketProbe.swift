import PluginAPI

/// A frame as it was on the wire (RFC 6455 §5.2).
struct WebSocketFrame: Sendable, Equatable {
    var opcode: UInt8
    var payload: [UInt8]
    var isFinal = true

    var text: String { String(decoding: payload, as: UTF8.self) }

    /// The code of a close frame.
    var closeCode: Int? {
        guard opcode == 8, payload.count >= 2 else { return nil }
        return Int(payload[0]) << 8 | Int(payload[1])
    }

    /// The bytes of a frame; anything that the standard forbids can be asked for.
    static func bytes(
        opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, reserved: UInt8 = 0, masked: Bool = true
    ) -> [UInt8] {
        var bytes: [UInt8] = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode]
        let mark: UInt8 = masked ? 0x80 : 0
        switch payload.count {
        case ..<126: bytes.append(mark | UInt8(payload.count))
        case ..<65536: bytes += [mark | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default: bytes += [mark | 127] + (0..<8).reversed().map { UInt8(payload.count >> ($0 * 8) & 255) }
        }
        guard masked else { return bytes + payload }
        let key: [UInt8] = [0x5A, 0xC3, 0x11, 0x8E]
        return bytes + key + payload.enumerated().map { $0.element ^ key[$0.offset % 4] }
    }
}

/// A WebSocket client that sends raw frames; stays in one thread.
final class WebSocketProbe {
    private let wire: HTTPWire
    private var buffer: [UInt8]

    /// - Throws: ``ProbeError``; `malformed` when the upgrade is refused.
    init(port: UInt16, target: String, timeout: Double = 10) throws(ProbeError) {
        wire = try HTTPWire(port: port, timeout: timeout)
        let answer = try wire.exchange(
            HTTPRequest(
                target: target,
                fields: [
                    ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
                    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
                ], keepAlive: true))
        guard answer.status == 101 else { throw .malformed("upgrade answered with \(answer.status)") }
        guard answer["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" else {
            throw .malformed("Sec-WebSocket-Accept \(answer["sec-websocket-accept"] ?? "missing")")
        }
        buffer = wire.takeRest()
    }

    /// - Throws: ``ProbeError``.
    func write(_ bytes: [UInt8]) throws(ProbeError) {
        try wire.connection.write(bytes)
    }

    /// Sends no more; the peer sees the end of the stream.
    func finishWriting() {
        wire.connection.finishWriting()
    }

    /// The next frame, `nil` at the end of the stream.
    ///
    /// - Throws: ``ProbeError``.
    func frame() throws(ProbeError) -> WebSocketFrame? {
        guard let head = try take(2) else { return nil }
        guard head[1] & 0x80 == 0 else { throw .malformed("the server masked a frame") }
        var length = Int(head[1] & 0x7F)
        if length > 125 {
            guard let more = try take(length == 126 ? 2 : 8) else { return nil }
            length = more.reduce(0) { $0 << 8 | Int($1) }
        }
        guard let payload = try take(length) else { return nil }
        return WebSocketFrame(opcode: head[0] & 0x0F, payload: payload, isFinal: head[0] & 0x80 != 0)
    }

    /// Reads on until the peer closes; gives the close code, if it said one.
    ///
    /// - Throws: ``ProbeError``; `timeout` when the connection stays open.
    func closing() throws(ProbeError) -> Int? {
        var code: Int?
        do {
            while let frame = try frame() { if frame.opcode == 8 { code = frame.closeCode ?? 1005 } }
        } catch {
            if error != .closed { throw error }
        }
        return code
    }

    private func take(_ count: Int) throws(ProbeError) -> [UInt8]? {
        while buffer.count < count {
            let bytes = try wire.connection.read()
            if bytes.isEmpty { return nil }
            buffer += bytes
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }
}
